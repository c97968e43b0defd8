"""
diagnose.py: is the critic right? Estimated Q against observed returns, the paper's figure 3.

    python -m tools.diagnose out/ddpg_halfcheetah-v2/<run> [RUN_FOLDER ...] [--output FILE.png]

From each run's exported model, fresh test episodes, and its table: a figure, and for each sign of
bad training a verdict, with its number and its rule, or why it cannot be told, yet or at all.
"""
import contextlib
import os
import textwrap
from collections import namedtuple

if __name__ == '__main__':
    from harness.early import ctrl_c_ends
    ctrl_c_ends('tools.diagnose')

import joblib
import matplotlib
import numpy as np

from harness import guard, truth
from harness.agent import session_config
from harness.command import Parser, ending
from harness.envs import make_recorded
from harness.files import Unreadable, read_config, read_table
from harness.quiet_tf import tf
from harness.settings import (ACCEPTED, BadSetting, Number, as_of_now, as_typed, checked_value,
                              described_error)
from spinup.utils import plot
from tools import figures
from tools.board import OUTPUT
import noise as exploration

# table (DataFrame): progress.txt; q, g (M,): estimated Q and observed return at the pairs that
# count; numbers (dict): what the signs look at.
Diagnosis = namedtuple('Diagnosis', ['folder', 'config', 'table', 'q', 'g', 'numbers'])


# ------------------------------------------------------------------------------------------------
# The signs
# ------------------------------------------------------------------------------------------------

# number (str): the measurement, to be formatted with a Diagnosis's numbers; is_there (function):
# of these; rule (str): that function in words; too_early (function): of these, too: what the sign
# has to wait for, in words; CUT_OFF, where it would wait in vain; or ''. of_policy (bool): whether
# it asks how mu is. docs/critic.md has the measurements behind all limits.
Sign = namedtuple('Sign', ['name', 'number', 'is_there', 'rule', 'too_early', 'of_policy'],
                  defaults=[False])


def no_wait(n):
    """too_early of what shows at once."""
    return ''


def updates(least):
    """too_early of what a healthy run may show, too, in its first updates."""
    def too_early(n):
        return '' if n['updates'] >= least else '{:.0f} updates, of {} that it takes'.format(
            n['updates'], least)
    return too_early


def settled(least, to_any_end=False):
    """
    too_early of what depends on Q's level. Q starts near 0, and what all Q values have in common
    moves with the targets alone, by polyak (1 - gamma) of its distance per update: the time
    constant is 1 / (polyak (1 - gamma)) updates.

    Args:
        least (float): Time constants.
        to_any_end (bool): Whether it looks at returns to a limit, too, where that is terminal.
    """
    def too_early(n):
        if not (to_any_end and n['limit_is_terminal']):
            if not n['pairs']:
                return CUT_OFF
            if n['pairs'] < FEWEST_PAIRS:
                return '{} visited pairs with an observed return, of {} that it takes'.format(
                    n['pairs'], FEWEST_PAIRS)
        return '' if n['time_constants'] >= least else (
            '{:.0f} updates are {:.2g} time constants of Q, of {:.2g} that it takes'.format(
                n['updates'], n['time_constants'], least))
    return too_early


FEWEST_PAIRS = 30
CUT_OFF = ('a time limit ended each of these episodes while what would follow still weighed more '
           'than {:.0f} %'.format(100 * truth.TAIL_WEIGHT))


# A sign that explains others comes before them.
SIGNS = [
    Sign('exploding critic', 'largest |Q| {q_max:.4g}; max|r| / (1 - gamma) {return_bound:.4g}, '
         'largest |return| in training {trained_return:.4g}',
         lambda n: n['q_max'] > max(3 * n['return_bound'], n['trained_return']),
         'in training |Q| went beyond 3 max|r| / (1 - gamma), by the test\'s rewards, and beyond '
         'every return', no_wait),
    Sign('target lag', 'Q {here:.4g}, r + gamma Q(next) {own_target:.4g}; in training Q '
         '{batch_q:.4g}, its backups {batch_target:.4g}',
         lambda n: (abs(n['here'] - n['own_target']) > 0.25 * max(
                        abs(n['here']), abs(n['own_target']), n['g_std'])
                    and abs(n['batch_q'] - n['batch_target']) <= 0.1 * abs(n['batch_target'])),
         'Q reaches its backups (10 %), but they are not what its own weights would give (25 %)',
         updates(3000)),
    Sign('critic shrunk toward zero', 'size of Q {q_size:.4g}, of the returns {g_size:.4g}',
         lambda n: n['q_size'] < 0.5 * (1 - np.exp(-n['time_constants'])) * n['g_size'],
         'root mean square of Q < half of what it should have come to: that of the returns (to the '
         'limit, where it is stored as terminal), times 1 - exp(-time constants)',
         settled(0.5, to_any_end=True)),
    Sign('flat critic', 'standard deviation of Q {q_std:.4g}, of the returns {g_std:.4g}',
         lambda n: n['q_std'] < 0.2 * n['g_std'] and n['q_size'] >= 0.5 * n['g_size'],
         'its spread is < 0.2 of the returns\', its size is not: what (N,) - (N, 1) trains',
         settled(3)),
    Sign('time limits stored as terminal', '{stored_as_terminal:.0%} of training\'s episodes ended '
         'as terminal, {ended_by_limit:.0%} of the test\'s by a limit',
         lambda n: n['limit_is_terminal'],
         'all of both; or --time-limit-terminal, where any of the test\'s ended by a limit',
         no_wait),
    Sign('actor against the critic', 'Q is below a random action\'s in {worse_than_random:.0%}',
         lambda n: n['worse_than_random'] > 0.5,
         'in > 50 % of states the critic values a uniform action more than the policy\'s',
         updates(3000), of_policy=True),
    Sign('over-estimation', 'Q - return {QBias:.4g}; return {g:.4g} +- {g_std:.4g}',
         lambda n: (n['QBias'] > 0.2 * max(abs(n['g']), n['g_std'])
                    and n['q_size'] >= 0.5 * n['g_size']),
         'mean Q - return > 0.2 of the return (mean, or standard deviation); Q is not shrunk',
         settled(3)),
    Sign('no exploration', 'noise moves actions by {exploration:.3f} of half their range',
         lambda n: n['exploration'] < 0.05,
         'standard deviation < 0.05 within the 1 / (1 - gamma) steps that Q looks ahead', no_wait,
         of_policy=True),
    Sign('saturated actor', '{saturation:.0%} of actions at their limits',
         lambda n: n['saturation'] > 0.9,
         '> 90 %: tanh passes on a gradient of less than 2 %', updates(30000),
         of_policy=True),
]


def signs_of(diagnosis):
    """The signs that a run can have: where actions are uniform (--policy random), none of mu's."""
    return [sign for sign in SIGNS if diagnosis.numbers['learned'] or not sign.of_policy]


def found(diagnosis):
    """The names of the signs that are there, the most explaining first."""
    return [sign.name for sign in signs_of(diagnosis)
            if not sign.too_early(diagnosis.numbers) and sign.is_there(diagnosis.numbers)]


def found_in_words(diagnosis):
    """The same in one line, and which signs cannot be told, yet or at all."""
    why_not = {sign.name: sign.too_early(diagnosis.numbers) for sign in signs_of(diagnosis)}
    never = [name for name, why in why_not.items() if why == CUT_OFF]
    early = [name for name, why in why_not.items() if why and why != CUT_OFF]
    return (', '.join(found(diagnosis)) or 'no sign of bad training') + (
        '; too early to tell: ' + ', '.join(early) if early else '') + (
        '; cannot be told, as a time limit cuts off all returns: ' + ', '.join(never)
        if never else '')


def verdict(diagnosis):
    """What the signs say of a run, in lines."""
    numbers, names = diagnosis.numbers, found(diagnosis)
    lines = ['{}: {}'.format(diagnosis.folder, found_in_words(diagnosis)),
             'at {} visited pairs: return {g:.4g} +- {g_std:.4g}, Q {q:.4g} +- {q_std:.4g}, bias '
             '{QBias:.4g}, RMSE {QRMSE:.4g}, correlation {QCorr:.3f}, R2 {QR2:.3f}'.format(
                 len(diagnosis.q), **numbers) if len(diagnosis.q) else
             'no return was observed: ' + CUT_OFF]
    for sign in signs_of(diagnosis):
        why_not = sign.too_early(numbers)
        said = ('?' if why_not == CUT_OFF else 'early' if why_not else
                'FOUND' if sign.name in names else 'no')
        lines += ['  {:5s} {}: {}'.format(said, sign.name, sign.number.format(**numbers)),
                  '        rule: ' + sign.rule]
        lines += ['        too early: ' + why_not] if said == 'early' else []
    return '\n'.join(lines)


# ------------------------------------------------------------------------------------------------
# One run
# ------------------------------------------------------------------------------------------------

# What is looked at of a run: of its config.json, and of its table beside the columns of CURVES.
SETTINGS = ['env', 'gamma', 'max_ep_len', 'noise', 'noise_dt', 'noise_sigma', 'noise_theta',
            'policy', 'polyak', 'time_limit_terminal']
COLUMNS = ['TotalEnvInteracts', 'MaxQVals', 'MinQVals', 'MaxEpRet', 'MinEpRet', 'NumEpisodes',
           'NumTerminals', 'NumUpdates']


def read(folder):
    """
    config.json and table of a run of ddpg.py.

    Raises:
        BadSetting: There is no such run.
    """
    config = read_config(folder)
    config = as_of_now(config) if config else {}
    try:
        table = read_table(folder)
    except Unreadable:
        table = {}
    for name in SETTINGS:
        if name in config and name in ACCEPTED and name != 'noise':     # that may be one's own
            try:
                config[name] = checked_value(name, config[name], ACCEPTED[name])
            except BadSetting as bad:
                raise BadSetting('RUN_FOLDER', folder, 'a run folder whose config.json is as it '
                                 'was written; in this one {}'.format(bad)) from None
    columns = COLUMNS + [column for _, _, columns, _ in CURVES for column in columns]
    lacking = [name for name in SETTINGS if name not in config]
    lacking += [name for name in columns if name not in table]
    lacking += ['a number in each row of ' + name for name in columns
                if name in table and not np.issubdtype(table[name].dtype, np.number)]
    if lacking:
        raise BadSetting('RUN_FOLDER', folder, 'a run folder with the config.json and progress.txt '
                         'of ddpg.py, and an epoch in it' + (
                             '; it lacks ' + lacking[0] if config and len(table) else ''))
    return config, table


def load_model(folder, stack):
    """
    The networks that a run exported, by the export's own signature.

    Args:
        folder (str): The run's.
        stack (contextlib.ExitStack): Which closes the session.

    Returns:
        pi (function of x (N, obs_dim)), q (function of x and a (N, act_dim)).

    Raises:
        BadSetting: It cannot be loaded here.
    """
    with tf.Graph().as_default() as graph:
        sess = stack.enter_context(contextlib.closing(tf.Session(config=session_config(1))))
        try:
            signature = tf.saved_model.loader.load(
                sess, [tf.saved_model.tag_constants.SERVING], os.path.join(folder, 'tf1_save')
            ).signature_def['serving_default']
            x, a, pi, q = (graph.get_tensor_by_name(named[key].name) for named, key in (
                (signature.inputs, 'x'), (signature.inputs, 'a'), (signature.outputs, 'pi'),
                (signature.outputs, 'q')))
        except Exception as error:      # of files and of TensorFlow, of many kinds
            raise BadSetting('RUN_FOLDER', folder, 'a run folder whose tf1_save/ can be loaded '
                             'here; ' + described_error(error)) from None
    return (lambda states: sess.run(pi, {x: states}),
            lambda states, actions: sess.run(q, {x: states, a: actions}).reshape(-1))


def make_run_env(folder, config, stack):
    """
    A run's environment: made by its id; or, where a function made it, from vars.pkl, WHICH RUNS
    CODE THAT IS IN THE FILE.

    Args:
        folder, config: The run's, and its config.json.
        stack (contextlib.ExitStack): Which closes it.

    Returns:
        recorded.RecordedEnv

    Raises:
        BadSetting: There is none that can be used.
    """
    def unpickled():
        try:
            return joblib.load(os.path.join(folder, 'vars.pkl'))['env']
        except Exception as error:      # a damaged pickle can ask for anything, and run anything
            raise BadSetting('RUN_FOLDER', folder, 'a run folder whose vars.pkl can be loaded '
                             'here; ' + described_error(error)) from None

    env_fn, env_kwargs = str(config['env']), config['env_kwargs']
    if config['env_made_by'] == 'function':
        env_fn, env_kwargs = unpickled, {}
    try:
        return make_recorded(env_fn, guard.Watch(lambda: 'in a test episode'), stack,
                             env_kwargs=env_kwargs)
    except BadSetting as bad:
        if bad.name == 'RUN_FOLDER':
            raise
        raise BadSetting('RUN_FOLDER', folder, "a run whose environment can be had here; its {}: "
                         '{} is not {}'.format(bad.name, as_typed(bad.value),
                                               bad.accepted)) from None


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
        BadSetting: There is no such run, or what it left cannot be loaded here.
        guard.RunStopped: The environment broke its contract, or an action is NaN.
    """
    config, table = read(folder)
    with contextlib.ExitStack() as stack:
        pi, q_of = load_model(folder, stack)
        env = make_run_env(folder, config, stack)
        env.seed(seed)
        env.action_space.seed(seed)
        policy = (truth.without_noise(pi, env) if config['policy'] == 'learned' else
                  lambda o: env.legal(env.action_space.sample()))
        played = [truth.play(env, policy, config['max_ep_len']) for _ in range(episodes)]
        q, g = truth.estimated_and_observed(played, q_of, config['gamma'])
        numbers = dict(of_pairs(q, g), **of_steps(played, q_of, config, env, seed))
    numbers.update(of_training(table, config, numbers['ended_by_limit']))
    if not numbers['limit_is_terminal']:        # else the returns to the limit were to be learned
        numbers.update(q_size=root_mean_square(q), g_size=root_mean_square(g))
    return Diagnosis(folder, config, table, q, g, numbers)


def of_pairs(q, g):
    """{name: number} of estimated Q and observed returns at the pairs that count, (M,) each."""
    numbers = dict(truth.errors(q, g), pairs=len(q))
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
        env (recorded.RecordedEnv): Whose actions these are.
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
    updates = table.NumUpdates.sum()
    polyak = config['polyak'] if config['target_networks'] else 1.
    return dict(
        updates=updates, time_constants=updates * polyak * (1 - config['gamma']),
        batch_q=last.AverageQVals, batch_target=last.TargetVals,
        q_max=max(abs(table.MaxQVals).max(), abs(table.MinQVals).max()),
        trained_return=table[['MaxEpRet', 'MinEpRet']].abs().max().fillna(0.).max(),
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
    NaN where that is a class of somebody's own.
    """
    if config['noise'] not in ACCEPTED['noise'].values:
        return np.nan
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
    ('Q and its backups (dashed)', 'discounted reward', ['AverageQVals', 'TargetVals'], False),
    ('Q - observed return: bias, RMSE (dashed)', 'discounted reward', ['QBias', 'QRMSE'], False),
    ('correlation of Q and return', 'correlation', ['QCorr'], False),
    ('critic loss', 'squared discounted reward', ['LossQ'], True),
    ('gradient norms: critic, actor (dashed)', 'norm', ['GradNormQ', 'GradNormPi'], True),
    ('actions at their limits', 'share of components', ['ActSaturation'], False),
]
ACROSS = 4


def draw_density(axes, q, g):
    """
    The paper's figure 3: how many of the pairs have which estimated Q and observed return.

    Args:
        axes (matplotlib's Axes): Where.
        q, g (arrays): See Diagnosis.
    """
    if len(q):
        low, high = min(q.min(), g.min()), max(q.max(), g.max())
        margin = 0.03 * (high - low) or 1.
        extent = [low - margin, high + margin] * 2
        cells = axes.hexbin(g, q, gridsize=50, bins='log', extent=extent, mincnt=1, cmap='viridis')
        axes.plot(extent[:2], extent[:2], '--', color='gray', linewidth=1)
        axes.set(xlim=extent[:2], ylim=extent[:2])
        axes.figure.colorbar(cells, ax=axes, label='visited pairs')
    else:
        axes.text(0.5, 0.5, 'every return is cut off too early', ha='center',
                  transform=axes.transAxes)
    axes.set(xlabel='observed return (discounted reward)', ylabel='estimated Q')


def draw(diagnoses):
    """
    The paper's figure 3 for each run, and the columns of the tables over training.

    Args:
        diagnoses (list of Diagnosis): The runs.

    Returns:
        The figure.
    """
    plot.settle_backend()
    import matplotlib.pyplot as plt
    names = [plot.literal(figures.name_of(d.folder)) for d in diagnoses]
    rows = -(-(len(diagnoses) + len(CURVES)) // ACROSS)
    figure = plt.figure(figsize=(5 * ACROSS, 4.5 * rows + 0.5))
    panels = (figure.add_subplot(rows, ACROSS, i + 1) for i in range(rows * ACROSS))
    for diagnosis, name in zip(diagnoses, names):
        axes = next(panels)
        draw_density(axes, diagnosis.q, diagnosis.g)
        axes.set_title(name + '\n' + textwrap.fill(found_in_words(diagnosis), 50), fontsize=9)
    for title, unit, columns, logarithmic in CURVES:
        axes = next(panels)
        for color, diagnosis, name in zip(plt.cm.tab10.colors * len(names), diagnoses, names):
            for column, style in zip(columns, ('-', '--')):
                table = diagnosis.table         # of one row there is no line to see
                axes.plot(table.TotalEnvInteracts, table[column], style,
                          marker='.' if len(table) == 1 else None, color=color,
                          label=name if style == '-' else None)
        axes.set(xlabel='environment steps', ylabel=unit)
        axes.set_title(title, fontsize=10)
        axes.set_yscale('log' if logarithmic else 'linear')
        axes.ticklabel_format(style='sci', axis='x', scilimits=(0, 4))
    figure.legend(*axes.get_legend_handles_labels(), loc='lower center', ncol=ACROSS)
    figure.tight_layout(rect=(0, 0.5 / figure.get_figheight(), 1, 1))
    return figure


# ------------------------------------------------------------------------------------------------
# The command
# ------------------------------------------------------------------------------------------------

def main(argv=None):
    """The command line. Exit code 2 for bad input, in one line."""
    parser = Parser(prog='tools.diagnose',
                    description='Is the critic right? A figure, and a verdict per sign. Where a '
                                "run's environment was made by a function, it is loaded from "
                                'vars.pkl, and a pickle can run any code: only runs you trust.')
    parser.add_argument('run', nargs='+', metavar='RUN_FOLDER')
    parser.add_argument('--episodes', default=10, metavar='N',
                        help='Fresh test episodes per run. Default: 10')
    parser.add_argument('--seed', default=0, metavar='N', help='Of these episodes. Default: 0')
    parser.add_argument('--output', metavar='FILE',
                        help='The figure; the verdict goes beside it, as .txt. Default: '
                             '{}/diagnosis_<run>.png, below the current folder; of several runs, '
                             'with the name of the folder that they share'.format(figures.FIGURES))
    args = parser.parse_args(argv)
    with ending(parser.prog):
        episodes = checked_value('episodes', args.episodes, Number(int, 1))
        seed = checked_value('seed', args.seed, Number(int, 0, 2 ** 31 - 1))
        output = output_of(args)
        diagnoses = [diagnose(run, episodes, seed) for run in args.run]
        text = '\n\n'.join(map(verdict, diagnoses))
        setting = 'FILE' if args.output is None else 'output'
        if args.output is None:
            print(text, flush=True)             # whatever becomes of the files
        figure = draw(diagnoses)
        figures.write_figure(figure, output, setting, dpi=80)
        beside = text_beside(output)
        figures.write(beside, (text + '\n').encode(), setting)
        print('{}\nWrote {}, {}'.format('' if args.output is None else text + '\n', output, beside))
        show(figure)


def output_of(args):
    """Where the figure goes, by the command line's arguments. Raises BadSetting."""
    if args.output is None:
        return os.path.join(figures.FIGURES, 'diagnosis_{}.png'.format(figures.name_of(
            os.path.commonpath([os.path.abspath(run) for run in args.run]))))
    if os.path.splitext(args.output)[1] not in ('.png', '.svg', '.pdf'):
        raise BadSetting('output', args.output, 'a name that ends in .png, .svg or .pdf')
    if os.path.isdir(args.output) or not os.path.isdir(
            os.path.dirname(os.path.abspath(args.output))):
        raise BadSetting('output', args.output, 'a file in a folder that there is')
    if os.path.basename(text_beside(args.output)) in ('progress.txt', OUTPUT):
        raise BadSetting('output', args.output, 'a name whose .txt is no file of a run')
    return args.output


def text_beside(output):
    """The file of the verdict, beside the figure's."""
    return os.path.splitext(output)[0] + '.txt'


def show(figure):
    """Show the figure, where there is a display; and close it."""
    import matplotlib.pyplot as plt
    if plt.get_backend().lower() in map(str.lower, matplotlib.rcsetup.interactive_bk):
        plt.show()
    plt.close(figure)


if __name__ == '__main__':
    main()
