"""
diagnose.py: is the critic right? Estimated Q against observed returns, the paper's figure 3.

    python -m tools.diagnose out/ddpg_halfcheetah-v2/<run> [RUN_FOLDER ...] [--output FILE.png]

From each run's exported model, fresh test episodes, and its table: a figure, and for each sign of
bad training a verdict, with its number and its rule.
"""
import os
import textwrap
from collections import namedtuple

import joblib
import numpy as np

from harness import guard, truth
from harness.command import Parser, ending
from harness.envs import CheckedEnv
from harness.files import Unreadable, read_config, read_table, write_whole
from harness.quiet_tf import tf
from harness.settings import BadSetting, Number, checked_value, first_line
import noise as exploration
from spinup.utils.logx import restore_tf_graph

# table (DataFrame): progress.txt; q, g (M,): estimated Q and observed return at the pairs that
# count; numbers (dict): what the signs look at.
Diagnosis = namedtuple('Diagnosis', ['folder', 'config', 'table', 'q', 'g', 'numbers'])


# ------------------------------------------------------------------------------------------------
# The signs
# ------------------------------------------------------------------------------------------------

# number (str): the measurement, to be formatted with a Diagnosis's numbers; is_there (function):
# of these; rule (str): that function in words. docs/critic.md has the measurements behind the
# limits.
Sign = namedtuple('Sign', ['name', 'number', 'is_there', 'rule'])


# A sign that explains others comes before them.
SIGNS = [
    Sign('exploding critic', 'largest |Q| {q_max:.4g}; no return exceeds {return_bound:.4g}',
         lambda n: n['q_max'] > 3 * n['return_bound'],
         'in training |Q| went beyond 3 max|r| / (1 - gamma)'),
    Sign('target lag', 'Q {here:.4g}, r + gamma Q(next) {own_target:.4g}; in training Q '
         '{batch_q:.4g}, its targets {batch_target:.4g}',
         lambda n: (abs(n['here'] - n['own_target']) > 0.25 * max(
                        abs(n['here']), abs(n['own_target']), n['g_std'])
                    and abs(n['batch_q'] - n['batch_target']) <= 0.1 * abs(n['batch_target'])),
         'Q reaches its targets (10 %), but they are not what its own weights would give (25 %)'),
    Sign('critic shrunk toward zero', 'size of Q {q_size:.4g}, of the returns {g_size:.4g}',
         lambda n: n['q_size'] < 0.5 * n['g_size'],
         'root mean square of Q < half of that of the returns (to the limit, where it is stored as '
         'terminal)'),
    Sign('flat critic', 'standard deviation of Q {q_std:.4g}, of the returns {g_std:.4g}',
         lambda n: n['q_std'] < 0.2 * n['g_std'] and n['q_size'] >= 0.5 * n['g_size'],
         'its spread is < 0.2 of the returns\', its size is not: what (N,) - (N, 1) trains'),
    Sign('time limits stored as terminal', '{stored_as_terminal:.0%} of training\'s episodes ended '
         'as terminal, {ended_by_limit:.0%} of the test\'s by a limit',
         lambda n: n['limit_is_terminal'],
         'all of both; or --time-limit-terminal, where any of the test\'s ended by a limit'),
    Sign('actor against the critic', 'Q is below a random action\'s in {worse_than_random:.0%}',
         lambda n: n['learned'] and n['worse_than_random'] > 0.5,
         'in > 50 % of states the critic values a uniform action more than the policy\'s'),
    Sign('over-estimation', 'Q - return {QBias:.4g}; return {g:.4g} +- {g_std:.4g}',
         lambda n: (n['QBias'] > 0.2 * max(abs(n['g']), n['g_std'])
                    and n['q_size'] >= 0.5 * n['g_size']),
         'mean Q - return > 0.2 of the return (mean, or standard deviation); Q is not shrunk'),
    Sign('no exploration', 'noise moves actions by {exploration:.3f} of half their range',
         lambda n: n['learned'] and n['exploration'] < 0.05,
         'standard deviation < 0.05 within the 1 / (1 - gamma) steps that Q looks ahead'),
    Sign('saturated actor', '{saturation:.0%} of actions at their limits',
         lambda n: n['learned'] and n['saturation'] > 0.9,
         '> 90 %: tanh passes on a gradient of less than 2 %'),
]


def found(diagnosis):
    """The names of the signs that are there, the most explaining first."""
    return [sign.name for sign in SIGNS if sign.is_there(diagnosis.numbers)]


def found_in_words(diagnosis):
    """The same in one line."""
    return ', '.join(found(diagnosis)) or 'no sign of bad training'


def verdict(diagnosis):
    """What the signs say of a run, in lines."""
    numbers, names = diagnosis.numbers, found(diagnosis)
    lines = ['{}: {}'.format(diagnosis.folder, found_in_words(diagnosis)),
             'at {} visited pairs: return {g:.4g} +- {g_std:.4g}, Q {q:.4g} +- {q_std:.4g}, bias '
             '{QBias:.4g}, RMSE {QRMSE:.4g}, correlation {QCorr:.3f}, R2 {QR2:.3f}'.format(
                 len(diagnosis.q), **numbers)]
    for sign in SIGNS:
        lines += ['  {:5s} {}: {}'.format('FOUND' if sign.name in names else 'no', sign.name,
                                          sign.number.format(**numbers)),
                  '        rule: ' + sign.rule]
    return '\n'.join(lines)


# ------------------------------------------------------------------------------------------------
# One run
# ------------------------------------------------------------------------------------------------

def load(folder):
    """
    What a run left for players and plots.

    Returns:
        config (dict), table (DataFrame), env, pi (function of x (N, obs_dim)), q (function of x
        and a (N, act_dim)).

    Raises:
        BadSetting: There is no such run, or what it exported cannot be loaded here.
    """
    config = read_config(folder)
    try:
        table = read_table(folder)
    except Unreadable:
        table = None
    if not config or table is None or 'TargetVals' not in table:
        raise BadSetting('run', folder, 'a run folder with the config.json and progress.txt of '
                         'ddpg.py, and an epoch in it')
    with tf.Graph().as_default():
        sess = tf.Session()
        try:
            model = restore_tf_graph(sess, os.path.join(folder, 'tf1_save'))
            env = joblib.load(os.path.join(folder, 'vars.pkl'))['env']
        except Exception as error:      # unpickling an environment runs its own code
            raise BadSetting('run', folder, 'a run folder whose tf1_save/ and vars.pkl can be '
                             'loaded here; ' + first_line(error)) from None

    def pi(x):
        return sess.run(model['pi'], {model['x']: x})

    def q(x, a):
        return sess.run(model['q'], {model['x']: x, model['a']: a}).reshape(-1)
    return config, table, env, pi, q


def diagnose(folder, episodes=10, seed=0):
    """
    Play a run's policy and measure all that the signs need.

    Args:
        folder (str): The run's.
        episodes (int): Number of fresh test episodes.
        seed (int): Of their environment, and of the random actions that Q is compared at.

    Returns:
        Diagnosis

    Raises:
        BadSetting: See `load`.
        guard.RunStopped: The environment broke its contract, or an action is NaN.
    """
    config, table, env, pi, q_of = load(folder)
    env = CheckedEnv(env, guard.Watch(lambda: 'in a test episode'))
    env.seed(seed)
    env.action_space.seed(seed)
    if config['policy'] == 'learned':
        policy = truth.without_noise(pi, env)
    else:
        def policy(o):
            return env.legal(env.action_space.sample())
    played = [truth.play(env, policy, config['max_ep_len']) for _ in range(episodes)]
    q, g = truth.estimated_and_observed(played, q_of, config['gamma'])
    numbers = dict(of_pairs(q, g), **of_steps(played, q_of, config, env, seed))
    numbers.update(of_training(table, config, numbers['ended_by_limit']))
    if not numbers['limit_is_terminal']:        # else the returns to the limit were to be learned
        numbers.update(q_size=root_mean_square(q), g_size=root_mean_square(g))
    return Diagnosis(folder, config, table, q, g, numbers)


def of_pairs(q, g):
    """{name: number} of estimated Q and observed returns at the pairs that count, (M,) each."""
    numbers = truth.errors(q, g)
    for name, values in dict(q=q, g=g).items():
        numbers[name] = values.mean() if len(values) else np.nan
        numbers[name + '_std'] = values.std() if len(values) else np.nan
    return numbers


def of_steps(played, q_of, config, env, seed):
    """
    What each step of test episodes says: Q there, what it should be by the critic's own value of
    the next, and what it is at other actions.

    Args:
        played (list of truth.Episode): The episodes.
        q_of (function): x (N, obs_dim), a (N, act_dim) -> Q (N,).
        config (dict): config.json.
        env (envs.CheckedEnv): Whose actions these are.
        seed (int): Of the other actions, which are uniform.

    Returns:
        {name: number}; q_size and g_size are of Q and of the returns to the episodes' ends.
    """
    gamma = config['gamma']
    here, own_target, to_the_end = [], [], []
    for episode in played:
        values = q_of(episode.x, episode.a).astype(np.float64)
        if episode.terminal:
            values[-1] = 0.
        here.append(values[:-1])
        own_target.append(episode.r + gamma * values[1:])
        to_the_end.append(truth.discounted_returns(episode.r, gamma))
    here, own_target, to_the_end = map(np.concatenate, (here, own_target, to_the_end))
    x = np.concatenate([episode.x[:-1] for episode in played])
    any_action = env.legal(np.random.RandomState(seed).uniform(
        env.low, env.high, (len(x), len(env.low))))
    actions = np.float32(np.concatenate([episode.a for episode in played]))
    rewards = np.concatenate([episode.r for episode in played])
    return dict(
        here=here.mean(), own_target=own_target.mean(),
        q_size=root_mean_square(here), g_size=root_mean_square(to_the_end),
        return_bound=abs(rewards).max() / (1 - gamma) if gamma < 1 else np.inf,
        saturation=truth.saturation(actions, env.action_space.low, env.action_space.high),
        worse_than_random=np.mean(here < q_of(x, any_action)),
        ended_by_limit=np.mean([not episode.terminal for episode in played]))


def of_training(table, config, ended_by_limit):
    """{name: number} of a run's table and settings; ended_by_limit: share of the test episodes."""
    last = table.tail(max(1, len(table) // 10)).mean(numeric_only=True)     # its last tenth
    stored_as_terminal = table.NumTerminals.sum() / max(1, table.NumEpisodes.sum())
    return dict(
        batch_q=last.AverageQVals, batch_target=last.TargetVals,
        q_max=max(abs(table.MaxQVals).max(), abs(table.MinQVals).max()),
        exploration=exploration_within_horizon(config), learned=config['policy'] == 'learned',
        stored_as_terminal=stored_as_terminal, limit_is_terminal=ended_by_limit > 0 and (
            config['time_limit_terminal'] or stored_as_terminal == ended_by_limit == 1))


def root_mean_square(values):
    """Of an array; NaN where it is empty."""
    return np.sqrt(np.mean(np.square(values))) if len(values) else np.nan


def exploration_within_horizon(config):
    """
    How far noise moves the actions within the time that Q looks ahead: its standard deviation
    around its own mean in windows of 1 / (1 - gamma) steps from the start of an episode, in shares
    of half the action range; by the noise that config.json describes, as it is before annealing.
    """
    steps = int(min(config['max_ep_len'], 1 / max(1 - config['gamma'], 1e-3)))
    one = np.ones(1000)         # as many independent processes at once
    process = exploration.process(
        config['noise'], one, config['noise_sigma'], final_share=1., anneal_steps=1,
        theta=config['noise_theta'], dt=config['noise_dt'], seed=0)
    return np.sqrt(np.mean(np.var([process(0) for _ in range(max(2, steps))], axis=0)))


# ------------------------------------------------------------------------------------------------
# The figure
# ------------------------------------------------------------------------------------------------

# Panels over training: (title, unit, columns, logarithmic).
CURVES = [
    ('test return', 'reward', ['AverageTestEpRet'], False),
    ('Q and its targets (dashed)', 'discounted reward', ['AverageQVals', 'TargetVals'], False),
    ('Q - observed return: bias, RMSE (dashed)', 'discounted reward', ['QBias', 'QRMSE'], False),
    ('correlation of Q and return', 'correlation', ['QCorr'], False),
    ('critic loss', 'squared discounted reward', ['LossQ'], True),
    ('gradient norms: critic, actor (dashed)', 'norm', ['GradNormQ', 'GradNormPi'], True),
    ('actions at their limits', 'share of components', ['ActSaturation'], False),
]
ACROSS = 4


def draw(diagnoses, path=None):
    """
    The paper's figure 3 for each run, and the columns of the tables over training.

    Args:
        diagnoses (list of Diagnosis): The runs.
        path (str): File; None: on the screen.
    """
    import matplotlib.pyplot as plt
    names = [os.path.basename(os.path.normpath(d.folder)) for d in diagnoses]
    rows = -(-(len(diagnoses) + len(CURVES)) // ACROSS)
    figure = plt.figure(figsize=(5 * ACROSS, 4.5 * rows + 0.5))
    panels = (figure.add_subplot(rows, ACROSS, i + 1) for i in range(rows * ACROSS))
    for diagnosis, name in zip(diagnoses, names):
        axes = next(panels)
        q, g = diagnosis.q, diagnosis.g
        if len(q):
            low, high = min(q.min(), g.min()), max(q.max(), g.max())
            margin = 0.03 * (high - low) or 1.
            extent = [low - margin, high + margin] * 2
            cells = axes.hexbin(g, q, gridsize=50, bins='log', extent=extent, mincnt=1,
                                cmap='viridis')
            axes.plot(extent[:2], extent[:2], '--', color='gray', linewidth=1)
            axes.set(xlim=extent[:2], ylim=extent[:2])
            figure.colorbar(cells, ax=axes, label='visited pairs')
        else:
            axes.text(0.5, 0.5, 'every return is cut off too early', ha='center',
                      transform=axes.transAxes)
        axes.set(xlabel='observed return (discounted reward)', ylabel='estimated Q')
        axes.set_title(name + '\n' + textwrap.fill(found_in_words(diagnosis), 50), fontsize=9)
    for title, unit, columns, logarithmic in CURVES:
        axes = next(panels)
        for color, diagnosis, name in zip(plt.cm.tab10.colors * len(names), diagnoses, names):
            for column, style in zip(columns, ('-', '--')):
                axes.plot(diagnosis.table.TotalEnvInteracts, diagnosis.table[column], style,
                          color=color, label=name if style == '-' else None)
        axes.set(xlabel='environment steps', ylabel=unit)
        axes.set_title(title, fontsize=10)
        axes.set_yscale('log' if logarithmic else 'linear')
        axes.ticklabel_format(style='sci', axis='x', scilimits=(0, 4))
    figure.legend(*axes.get_legend_handles_labels(), loc='lower center', ncol=ACROSS)
    figure.tight_layout(rect=(0, 0.5 / figure.get_figheight(), 1, 1))
    if path:
        figure.savefig(path, dpi=80)
    else:
        plt.show()
    plt.close(figure)


# ------------------------------------------------------------------------------------------------
# The command
# ------------------------------------------------------------------------------------------------

def main(argv=None):
    """The command line. Exit code 2 for bad input, in one line."""
    parser = Parser(prog='tools.diagnose',
                    description='Is the critic right? A figure, and a verdict per sign.')
    parser.add_argument('run', nargs='+', metavar='RUN_FOLDER')
    parser.add_argument('--episodes', default=10, metavar='N',
                        help='Fresh test episodes per run. Default: 10')
    parser.add_argument('--seed', default=0, metavar='N', help='Of these episodes. Default: 0')
    parser.add_argument('--output', metavar='FILE',
                        help='The figure; the verdict goes beside it, as .txt. Default: '
                             'diagnosis.png in the run folder, or in the one that all runs share')
    args = parser.parse_args(argv)
    output = args.output or os.path.join(
        os.path.commonpath([os.path.abspath(run) for run in args.run]), 'diagnosis.png')
    with ending(parser.prog):
        episodes = checked_value('episodes', args.episodes, Number(int, 1))
        seed = checked_value('seed', args.seed, Number(int, 0, 2 ** 31 - 1))
        if os.path.splitext(output)[1] not in ('.png', '.svg', '.pdf'):
            raise BadSetting('output', output, 'a name that ends in .png, .svg or .pdf')
        if args.output and not os.path.isdir(os.path.dirname(os.path.abspath(output))):
            raise BadSetting('output', output, 'a file in a folder that there is')
        diagnoses = [diagnose(run, episodes, seed) for run in args.run]
        text = '\n\n'.join(map(verdict, diagnoses))
        print(text)
        write_whole(os.path.splitext(output)[0] + '.txt', (text + '\n').encode())
        draw(diagnoses, output)
        print('\nWrote {}'.format(output))
        if os.environ.get('DISPLAY'):
            draw(diagnoses)


if __name__ == '__main__':
    main()
