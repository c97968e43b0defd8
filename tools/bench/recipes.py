"""
recipes.py: one recipe for every task: the runs of docs/study.md, stage by stage.

    python -m tools.bench.recipes screen [--data-dir out/study]

A sweep per stage (see tools/sweep.py; the same command goes on with one that was killed), in
<data dir>/<stage>/. Which stages there are, and why, is told in docs/study.md.
"""

from harness.command import Parser
from tools import sweep
from tools.bench import notes

GAUSSIAN = '--noise gaussian --noise-sigma 0.1 --noise-final-share 1'
CANDIDATES = {
    'gauss_w3e-3': GAUSSIAN + ' --weight-decay 0.003',
    'gauss_w1e-2': GAUSSIAN + ' --weight-decay 0.01',
    'spinningup_w1e-2': '--settings spinningup --weight-decay 0.01',
    'td3_w3e-3': '--settings td3 --weight-decay 0.003',
}


def stage(tasks, candidates, epochs):
    """{group: its flags}, of each candidate on each task, for so many epochs."""
    return {'{}_{}'.format(task.split('-')[0].lower(), name): '--env {} --epochs {} {}'.format(
                task, epochs, flags)
            for task in tasks for name, flags in candidates.items()}


# {stage: (seeds, groups)}. The stages of the plan that are not here are of the screen's winners.
STAGES = {
    'screen': ('0 1', stage(['HalfCheetah-v2', 'Ant-v2', 'Hopper-v2'], CANDIDATES, 80)),
    'check': ('0 1 2 3 4', stage(['HalfCheetah-v2', 'Ant-v2'],
                                 {'spinningup': '--settings spinningup'}, 200)),
}


def main(argv=None):
    """The command line."""
    parser = Parser(prog='tools.bench.recipes', description=__doc__.split('\n')[1])
    parser.add_argument('stage', choices=STAGES)
    parser.add_argument('--data-dir', default='out/study')
    args = parser.parse_args(argv)
    seeds, groups = STAGES[args.stage]
    sweep.run_command(lambda: notes.combined(
        args.stage, {name: flags.split() for name, flags in groups.items()},
        ['--data-dir', args.data_dir, '--seed', *seeds.split()]), parser.prog)


if __name__ == '__main__':
    main()
