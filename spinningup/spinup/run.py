"""run.py: `python -m spinup.run COMMAND ...`, for the commands of Spinning Up that are here."""
import sys

from spinup.utils.command import BadInput, telling_bad_input

HELP = """python -m spinup.run COMMAND ...

    plot LOGDIR ...       draw the curves of the runs in folders       (plot --help)
    test_policy FPATH     play a run's exported policy                 (test_policy --help)

These are the tools of Spinning Up, independently implemented. It has no algorithms: train with
`python ddpg.py`.
"""


def main():
    """Run the command that the command line names. Exit code 2 where there is none."""
    command = sys.argv[1] if len(sys.argv) > 1 else 'help'
    if command in ('help', '--help', '-h'):
        print(HELP)
    elif command == 'plot':
        from spinup.utils import plot
        plot.main(sys.argv[2:])
    elif command == 'test_policy':
        from spinup.utils import test_policy
        test_policy.main(sys.argv[2:])
    else:
        with telling_bad_input('spinup.run'):
            raise BadInput('{}: expected plot, test_policy or help'.format(command))


if __name__ == '__main__':
    main()
