"""
algorithm.py: Algorithm 1 of the paper beside the lines of ddpg.py that do it, as docs/algorithm.md.

    python -m tools.algorithm           # writes it
    python -m tools.algorithm --check   # exit code 1 where it is not what ddpg.py says now

Each step is found by the comment that begins it, once, and its lines are those up to the next blank
one. A comment that is missing, doubled, or out of order is an error.
"""
import html
import os
import sys

from harness.command import Parser, ending
from harness.files import write_whole
from harness.origin import HERE

SOURCE, PAGE = 'ddpg.py', os.path.join('docs', 'algorithm.md')

# (what Algorithm 1 says, in its symbols and our words; how the comment in ddpg.py begins), in the
# order of the paper. GRAPH and LOOP say in which order the comments come in the file.
STEPS = [
    ('Initialise the critic <i>Q</i>(<i>s</i>, <i>a</i>) and the actor <i>μ</i>(<i>s</i>) with '
     'random weights, and the targets <i>Q′</i> and <i>μ′</i> with the same ones.',
     'Initialise Q(s, a) and mu(s) at random'),
    ('Initialise the replay buffer <i>R</i>.',
     "Initialise Q, mu, Q' and mu'; the replay buffer R"),
    ('<b>For each episode</b>: the first one begins. Observe <i>s</i><sub>1</sub>.',
     'The first episode begins: s_1'),
    ('<b>For each step <i>t</i></b>: select <i>a<sub>t</sub></i> = '
     '<i>μ</i>(<i>s<sub>t</sub></i>) + <i>N<sub>t</sub></i>, by the policy and the noise.',
     'Select a_t'),
    ('Execute <i>a<sub>t</sub></i>; observe the reward <i>r<sub>t</sub></i> and the state '
     '<i>s</i><sub><i>t</i>+1</sub>.', 'Execute a_t'),
    ('Store (<i>s<sub>t</sub></i>, <i>a<sub>t</sub></i>, <i>r<sub>t</sub></i>, '
     '<i>s</i><sub><i>t</i>+1</sub>) in <i>R</i>.', 'Store (s_t, a_t, r_t, s_{t+1}) in R'),
    ('Where an episode ends, the next one begins: initialise the process <i>N</i>, observe '
     '<i>s</i><sub>1</sub>.', 'A new episode begins'),
    ('Sample a minibatch of <i>N</i> transitions from <i>R</i>, uniformly.', 'Sample a minibatch'),
    ('<i>y<sub>i</sub></i> = <i>r<sub>i</sub></i> + <i>γ Q′</i>(<i>s</i><sub><i>i</i>+1</sub>, '
     '<i>μ′</i>(<i>s</i><sub><i>i</i>+1</sub>)).', 'y_i = r_i'),
    ('Update the critic by minimising <i>L</i>, the mean of (<i>y<sub>i</sub></i> − '
     '<i>Q</i>(<i>s<sub>i</sub></i>, <i>a<sub>i</sub></i>))².', 'L, the mean of'),
    ('Update the actor by the sampled policy gradient: <i>Q</i>’s gradient by the action, at '
     '<i>μ</i>(<i>s<sub>i</sub></i>), times <i>μ</i>’s by its weights.', 'J, the mean of'),
    ('Update the targets: <i>θ′</i> ← <i>τθ</i> + (1 − <i>τ</i>)<i>θ′</i>, for <i>Q′</i> and '
     '<i>μ′</i>.', "theta' <- tau theta"),
]
GRAPH, LOOP = (0, 8, 9, 10, 11), (1, 2, 3, 4, 5, 6, 7)

HEAD = """# Algorithm 1, and the lines that do it

Made from `ddpg.py` by `python -m tools.algorithm`; a test holds it to the code. On the left is
Algorithm 1 of the [paper](https://arxiv.org/abs/1509.02971), in its symbols and our words. What
differs from the paper, and why, is in [settings.md](settings.md). In the code, t counts the steps
of the run, not of the episode; and a new episode begins before the update, which finds the next
action, too: the numbers are the same.

<table>
<tr><th width="240">Algorithm 1</th><th><code>ddpg.py</code></th></tr>
"""


class NotFound(ValueError):
    """A step has no comment, or two, or comes out of order. It says which, in one line."""


def found(lines):
    """
    Where each of STEPS is.

    Args:
        lines (list of str): Of ddpg.py.

    Returns:
        list of (first, end): Indices into `lines`, of the comment and of the blank line after it.

    Raises:
        NotFound: A comment is missing, doubled, or out of order.
    """
    places = []
    for _, beginning in STEPS:
        at = [i for i, line in enumerate(lines) if line.strip().startswith('# ' + beginning)]
        if len(at) != 1:
            raise NotFound('{}: {} comments begin with "# {}", expected one'.format(
                SOURCE, len(at) or 'no', beginning))
        end = next(i for i in range(at[0], len(lines) + 1)
                   if i == len(lines) or not lines[i].strip())
        places.append((at[0], end))
    order = [(places[i], STEPS[i][1]) for i in GRAPH + LOOP]
    for (before, step), (after, other) in zip(order, order[1:]):
        if before > after:
            raise NotFound('{}: "# {}" comes after "# {}", expected before it'.format(
                SOURCE, step, other))
    return places


def page(source):
    """docs/algorithm.md for the text of ddpg.py. Raises NotFound."""
    lines = source.split('\n')
    rows = []
    for (text, _), (first, end) in zip(STEPS, found(lines)):
        indent = min(len(line) - len(line.lstrip()) for line in lines[first:end])
        code = '\n'.join('{:3d}  {}'.format(number + 1, lines[number][indent:])
                         for number in range(first, end))
        rows.append('<tr valign="top"><td>{}</td><td><pre>{}</pre></td></tr>\n'.format(
            text, html.escape(code, quote=False)))
    return HEAD + ''.join(rows) + '</table>\n'


def main(argv=None):
    """The command line. Exit code 2 where a step is not found."""
    parser = Parser(prog='tools.algorithm', description='Write docs/algorithm.md.')
    parser.add_argument('--check', action='store_true', help='Only look whether it is up to date')
    args = parser.parse_args(argv)
    with ending(parser.prog):
        with open(os.path.join(HERE, SOURCE), encoding='utf-8') as file:
            source = file.read()
        try:
            text = page(source)
        except NotFound as why:
            parser.error(str(why))
        path = os.path.join(HERE, PAGE)
        if not args.check:
            write_whole(path, text.encode())
            return
        with open(path, encoding='utf-8') as file:
            if file.read() != text:
                sys.exit('{} is not what {} says now: run python -m tools.algorithm'.format(
                    PAGE, SOURCE))


if __name__ == '__main__':
    main()
