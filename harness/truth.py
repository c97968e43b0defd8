"""
truth.py: what Q(s, a) should have been: returns that were observed, and how far Q is from them.

The paper's figure 3 compares the two at the end of training; here it is done in every epoch.
"""
from collections import namedtuple

import numpy as np

from harness import guard
from harness.envs import terminal
from harness.recorded import DoesNotRepeat, undisturbed

# A time limit cuts a return off. What would have followed counts by the critic's own value there,
# which weighs gamma**n after n more rewards. Pairs where it weighs more than this are left out.
TAIL_WEIGHT = 0.25

# x (T + 1, obs_dim) and a (T + 1, act_dim): all observations, and the policy's action at each, the
# last ones not acted on; r (T,): rewards; terminal (bool): whether the last observation is a
# terminal state, so that nothing follows.
Episode = namedtuple('Episode', ['x', 'a', 'r', 'terminal'])


def without_noise(pi, env):
    """
    The policy that is tested.

    Args:
        pi (function): x (N, obs_dim) -> actions (N, act_dim).
        env (recorded.RecordedEnv): Where it acts.

    Returns:
        A function of an observation, (obs_dim,): the action that is sent, (act_dim,). It raises
        guard.NotFinite where that is NaN.
    """
    def policy(o):
        a = pi(o[None])[0]
        env.watch.finite(action=a)
        return env.legal(a)
    return policy


def play(env, policy, max_ep_len, before_step=lambda: None):
    """
    An Episode of `policy` (function of an observation) in `env`, of at most `max_ep_len` steps.
    """
    x, rewards, done, info = [env.reset()], [], False, {}
    actions = [policy(x[0])]
    while not done and len(rewards) < max_ep_len:
        before_step()
        o, r, done, info = env.step(actions[-1])
        x.append(o)
        rewards.append(r)
        actions.append(policy(o))
    return Episode(np.array(x), np.array(actions), np.array(rewards), terminal(done, info))


def discounted_returns(rewards, gamma, tail=0.):
    """
    G_t = r_t + gamma * G_{t+1} for each t, from G_T = `tail`.

    Args:
        rewards (array): (T,).
        gamma (float): Discount per step.
        tail (float): The return after the last reward.

    Returns:
        (T,), float64.
    """
    returns = np.empty(len(rewards))
    for t in reversed(range(len(rewards))):
        tail = returns[t] = rewards[t] + gamma * tail
    return returns


def estimated_and_observed(episodes, q_of, gamma):
    """
    Q(s_t, a_t), and the discounted return observed from there, for the pairs visited in episodes.

    After a terminal state nothing follows: that return was observed as it is. A time limit is no
    end of the task, so there the return goes on with the critic's own gamma**(T - t) * Q(s_T, a_T),
    and only pairs where gamma**(T - t) <= TAIL_WEIGHT count. A constant error of Q shows with at
    least 1 - TAIL_WEIGHT of its size, and nearly all of it in long episodes.

    Args:
        episodes (list of Episode): By the policy that Q is to be the value of.
        q_of (function): (x (N, obs_dim), a (N, act_dim)) -> Q (N,).
        gamma (float): Discount per step.

    Returns:
        (q, g): Two arrays (M,), for the M pairs that count; M may be 0.
    """
    values = q_of(np.concatenate([e.x for e in episodes]), np.concatenate([e.a for e in episodes]))
    ends = np.cumsum([len(e.x) for e in episodes])[:-1]
    estimated, observed = [], []
    for episode, q in zip(episodes, np.split(values.astype(np.float64), ends)):
        counted = len(episode.r)
        if not episode.terminal:
            weights = gamma ** np.arange(counted, 0, -1)
            counted = np.count_nonzero(weights <= TAIL_WEIGHT)
        g = discounted_returns(episode.r, gamma, 0. if episode.terminal else q[-1])
        estimated.append(q[:counted])
        observed.append(g[:counted])
    return np.concatenate(estimated), np.concatenate(observed)


def errors(q, g):
    """
    How far estimates are from the truth.

    Args:
        q, g (arrays): Estimated and true values, (M,).

    Returns:
        {column of progress.txt: number}: QBias, the mean of q - g; QRMSE, the root mean squared
        error; QCorr, Pearson's correlation; QR2, 1 - MSE / var(g), the share of the returns'
        variance that Q explains, below 0 where their mean explains more. NaN where undefined.
    """
    found = dict.fromkeys(['QBias', 'QRMSE', 'QCorr', 'QR2'], np.nan)
    if len(g):
        found.update(QBias=np.mean(q - g), QRMSE=np.sqrt(np.mean(np.square(q - g))))
        if np.std(g) > 0:
            found['QR2'] = 1 - np.square(found['QRMSE'] / np.std(g))
            if np.std(q) > 0:
                found['QCorr'] = np.corrcoef(q, g)[0, 1]
    return found


def saturation(actions, low, high):
    """
    The share of components of actions (N, act_dim) at their limits, where tanh passes on less than
    2 % of a gradient: within 0.5 % of the range, which is tanh's upper 1 %.
    """
    return np.mean(np.minimum(actions - low, high - actions) <= 0.005 * (high - low))


# The value of the uniform policy: a mean over ROLLOUTS from each of STATES states, each as long as
# a reward weighs more than LAST_WEIGHT.
STATES, ROLLOUTS, LAST_WEIGHT = 64, 24, 0.01
FIRST_STEPS = 100       # of an episode, where the states are from


def held_out(env, gamma, max_ep_len, seed, say, before_step):
    """
    The truth for a critic of the uniform random policy: Monte-Carlo returns from held-out states.

    Each state is from an episode of its own, and is returned to for each rollout by playing that
    episode again. The first action is the same each time; all others are fresh, and so is the
    environment's own randomness. Rollouts go on past a time limit.

    Args:
        env (recorded.RecordedEnv): Its state is as before afterwards.
        gamma (float): Discount per step, below 1.
        max_ep_len (int): Steps after which training cuts an episode off: no state is beyond them.
        seed (int): Of the run; what is random here depends on nothing else.
        say (function): Of a line of text.
        before_step (function): Called before each step of a rollout; what it raises ends all.

    Returns:
        dict: x (STATES, obs_dim), a (STATES, act_dim), and of the rollouts' discounted returns g,
        the mean (STATES,), and its standard_error (STATES,).

    Raises:
        guard.RunStopped: The environment broke its contract, or does not repeat an episode.
    """
    say('Measuring the value of the uniform policy, by {} episodes from each of {} states'.format(
        ROLLOUTS, STATES))
    rng = np.random.RandomState(np.random.SeedSequence((seed, 1)).generate_state(1))
    low, high = env.action_space.low, env.action_space.high
    horizon = int(np.ceil(np.log(LAST_WEIGHT) / np.log(gamma))) if gamma else 1

    def uniform():
        return env.legal(rng.uniform(low, high))

    def reseed():
        env.seed(int(rng.randint(2 ** 31)))

    def back_to(state):
        try:
            env.set_state(state)
        except DoesNotRepeat as why:
            raise guard.EnvironmentFault('--policy random: {}'.format(why)) from None

    def first_state():
        """One of the first states of a new episode: its observation, and the way back to it."""
        reseed()
        env.reset()
        states, done = [], False
        while not done and len(states) < min(FIRST_STEPS, max_ep_len):
            states.append((env.observation, env.get_state(before=False)))
            _, _, done, _ = env.step(uniform())
        return states[rng.randint(len(states))]

    def rollout(state, a):
        """The rewards from `state` on: of `a`, then of uniform actions; past a time limit."""
        with undisturbed(env.env):              # what reseed() does not reach stays fresh
            back_to(state)
        reseed()
        rewards, done = [], False
        while not done and len(rewards) < horizon:
            before_step()
            _, r, done, info = env.step(uniform() if rewards else a)
            done = terminal(done, info)
            rewards.append(r)
        return rewards

    found, before = [], env.get_state(before=False)
    env.env.reset()         # some environments make their generators only then: no episode of ours
    for _ in range(STATES):
        (x, state), a = first_state(), uniform()
        returns = [discounted_returns(rollout(state, a), gamma)[0] for _ in range(ROLLOUTS)]
        found.append((x, a, np.mean(returns),
                      np.std(returns, ddof=1) / np.sqrt(ROLLOUTS)))
    # As before, but for what was made since: generators, layers.
    there, now = env.get_state(before=False)['now'], before['now']
    now['random'] = {name: now['random'].get(name, state)
                     for name, state in there['random'].items()}
    now['attributes'] = {**there['attributes'], **now['attributes']}
    back_to(before)
    x, a, g, standard_error = map(np.array, zip(*found))
    say('It is {:.4g} +- {:.2g} over the states, with a standard error of {:.2g} each'.format(
        g.mean(), g.std(), np.sqrt(np.mean(standard_error ** 2))))
    return dict(x=x, a=a, g=g, standard_error=standard_error)
