"""run.py: `python -m spinup.run COMMAND ...`, for the commands of Spinning Up that are here."""
import sys

from spinup.utils.command import BadInput, command, ctrl_c_waits

HELP = """python -m spinup.run COMMAND ...

    plot LOGDIR ...       draw the curves of the runs in folders       (plot --help)
    test_policy FPATH     play a run's exported policy                 (test_policy --help)

These are the tools of Spinning Up, independently implemented. It has no algorithms: train with
`python ddpg.py`.
"""


@command('spinup.run')
def main(argv=None):
    """
    Run the command that the command line names.

    Args:
        argv (list of str): The command line; None: the process's own.

    Raises:
        SystemExit: Exit code 2 where there is no such command, or it has bad input.
    """
    name, *words = (sys.argv[1:] if argv is None else argv) or ['help']
    if name in ('help', '--help', '-h'):
        print(HELP)
    elif name == 'plot':
        with ctrl_c_waits():
            from spinup.utils import plot
        plot.main(words)
    elif name == 'test_policy':
        with ctrl_c_waits():
            from spinup.utils import test_policy
        test_policy.main(words)
    else:
        of_an_algorithm = name.split('_')[0] in ('vpg', 'trpo', 'ppo', 'ddpg', 'td3', 'sac')
        raise BadInput('{}: expected plot, test_policy or help{}'.format(
            name, '; to train DDPG: python ddpg.py' if of_an_algorithm else ''))


if __name__ == '__main__':
    main()
