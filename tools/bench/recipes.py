"""
recipes.py: one recipe for every task: the runs of docs/study.md, stage by stage.

    python -m tools.bench.recipes screen
    python -m tools.bench.recipes final --recipe gauss_w3e-3 td3_w3e-3
    python -m tools.bench.recipes worth --recipe gauss_w3e-3

A sweep per stage (see tools/sweep.py; the same command goes on with one that was killed), in
<data dir>/<stage>/. Which stages there are, and why, is told in docs/study.md.
"""
from harness.command import Parser
from harness.settings import BadSetting
from tools import sweep
from tools.bench import notes

GAUSSIAN = '--noise gaussian --noise-sigma 0.1 --noise-final-share 1'
CANDIDATES = {
    'gauss_w3e-3': GAUSSIAN + ' --weight-decay 0.003',
    'gauss_w1e-2': GAUSSIAN + ' --weight-decay 0.01',
    'spinningup_w1e-2': '--settings spinningup --weight-decay 0.01',
    'td3_w3e-3': '--settings td3 --weight-decay 0.003',
}
RECIPES = {**CANDIDATES, **{name + '_b256': flags + ' --batch-size 256'
                            for name, flags in CANDIDATES.items()}}
FALLING = '--lr-decay-steps 1000000'

# What is taken back of a recipe: the flags that come after its own.
TAKEN_BACK = {
    'constant': '--lr-decay-steps none',
    'no-decay': '--weight-decay 0',
    'ou': '--noise ou --noise-sigma 0.2 --noise-final-share 0.25 --noise-anneal-steps 100000',
}

# {stage: (tasks, epochs, seeds, how many recipes are named with it)}
STAGES = {
    'screen': ('HalfCheetah-v2 Ant-v2 Hopper-v2', 80, '0 1', 0),
    'final': ('HalfCheetah-v2 Hopper-v2 Walker2d-v2 Ant-v2', 200, '0 1 2', 2),
    'batch256': ('HalfCheetah-v2 Ant-v2', 200, '0 1', 1),
    'check': ('HalfCheetah-v2 Ant-v2', 200, '0 1 2 3 4', 0),
    'worth': ('HalfCheetah-v2 Ant-v2', 60, '0 1 2', 1),
}


def groups_of(stage, recipes):
    """
    The groups of a stage on each of its tasks.

    Args:
        stage (str): One of STAGES.
        recipes (list of str): Of RECIPES; as many as are named with the stage.

    Returns:
        {group's name: flags}
    """
    if stage == 'check':
        return {'spinningup': '--settings spinningup'}
    if stage == 'screen':
        return CANDIDATES
    found = {name: '{} {}'.format(RECIPES[name], FALLING) for name in recipes}
    if stage == 'worth':
        (name, flags), = found.items()
        taken_back = dict(TAKEN_BACK, **(dict(b64='--batch-size 64') if '_b256' in name else {}))
        found.update({'{}_{}'.format(name, what): '{} {}'.format(flags, back)
                      for what, back in taken_back.items()})
    return found


def sweep_of(stage, recipes, data_dir):
    """
    The Sweep of a stage.

    Args:
        stage, recipes: See `groups_of`.
        data_dir (str): Where the stage's folder goes.

    Raises:
        BadSetting: Another number of recipes is named with the stage.
    """
    tasks, epochs, seeds, number = STAGES[stage]
    if len(recipes) != number:
        raise BadSetting('recipe', recipes, '{} of {} with {}'.format(
            number or 'none', ', '.join(RECIPES), stage))
    groups = {notes.of_task(task, name): '--env {} {}'.format(task, flags).split()
              for task in tasks.split() for name, flags in groups_of(stage, recipes).items()}
    return notes.combined(stage, groups, ['--epochs', str(epochs), '--data-dir', data_dir,
                                          '--seed', *seeds.split()])


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.recipes', description=__doc__.split('\n')[1])
    parser.add_argument('stage', choices=STAGES)
    parser.add_argument('--recipe', nargs='+', choices=RECIPES, default=[])
    parser.add_argument('--data-dir', default='out/study')
    args = parser.parse_args(argv)
    sweep.run_command(lambda: sweep_of(args.stage, args.recipe, args.data_dir), parser.prog)


if __name__ == '__main__':
    main()
