"""
test_docs.py: what README and docs/ say is there: links, files, commands and their flags; and
docs/algorithm.md is what ddpg.py says, docs/results.md's tables what the runs are.
"""
import glob
import os
import re
import shlex

import numpy as np
import pytest

import ddpg
from harness import cli
from kit import HERE, call, run_main, tree
from spinup.utils import plot, test_policy
from tools import algorithm, diagnose, summary, sweep
from tools.bench import benchmark

PAGES = [os.path.join(HERE, 'README.md')] + sorted(glob.glob(os.path.join(HERE, 'docs', '*.md')))
# What stands in the pages for a name of the reader's.
PLACEHOLDER = re.compile(r'<\w+>|\b(FOLDER|RUN_FOLDER|RUN|PYTHON|FILE|COMMIT|STAGE|ENV|SEED)\b')


def text_of(page):
    with open(page, encoding='utf-8') as file:
        return file.read()


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r'[^\w\- ]', '', heading.lower()).strip().replace(' ', '-')
            for heading in re.findall(r'^#+ (.*)$', text_of(page), re.MULTILINE)}


@pytest.mark.parametrize('page', PAGES, ids=os.path.basename)
def test_links_lead_somewhere(page):
    text = text_of(page)
    links = re.findall(r'\]\(([^)\s]+)\)', text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for link in links:
        if re.match(r'https?:', link):
            continue
        path, _, anchor = link.partition('#')
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert os.path.exists(target), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize('page', PAGES, ids=os.path.basename)
def test_lines_fit(page):
    lines = text_of(page).split('\n')
    if os.path.basename(page) == 'README.md':
        assert len(lines) <= 151
    if os.path.basename(page) != 'algorithm.md':       # which quotes lines of code with numbers
        assert all(len(line) <= 100 or line.startswith('|') for line in lines)


def commands(page):
    """The command lines of a page, each in words: indented by four spaces, or in a fence."""
    text = text_of(page).replace('\\\n', ' ')
    blocks = re.findall(r'(?:^ {4}.*\n)+', text, re.MULTILINE) + re.findall(
        r'```\w*\n(.*?)```', text, re.DOTALL)
    for line in '\n'.join(blocks).split('\n'):
        match = re.match(r' *(?:xvfb-run -a )?((?:python3?|make|pytest)\b.*)', line)
        if match and os.path.basename(page) != 'house.md':
            yield shlex.split(match.group(1).split('  #')[0].split('\t#')[0].split(' #')[0])


def flags_of(words):
    return [word.split('=')[0] for word in words if re.match(r'--[a-z]|-[a-z]$', word)]


def help_of(capsys, main):
    return call(capsys, '--help', main=main)[1]


@pytest.mark.parametrize('page', PAGES, ids=os.path.basename)
def test_commands_are_there_and_know_their_flags(page, capsys):
    known = {'ddpg.py': ddpg.main, 'tools.sweep': sweep.main, 'tools.summary': summary.main,
             'tools.diagnose': diagnose.main, 'tools.algorithm': algorithm.main,
             'plot': plot.main, 'test_policy': test_policy.main}
    for words in commands(page):
        if words[0] == 'make':
            assert words[1] in ('setup', 'train', 'test', 'clean'), words
            assert all(re.match('(ARGS|TENSORFLOW)=', word) for word in words[2:]), words
            continue
        if 'cProfile' in words:
            words = words[:1] + words[words.index('ddpg.py'):]
        if words[0] == 'pytest' or words[1] == '-c':
            continue
        name, rest = (words[2], words[3:]) if words[1] == '-m' else (words[1], words[2:])
        if name in ('pip', 'venv'):
            continue
        if name == 'spinup.run':
            name, rest = rest[0], rest[1:]
        path = os.path.join(HERE, name if name.endswith('.py') else name.replace('.', '/') + '.py')
        assert name in known or os.path.exists(path), words
        if name in known:
            text = help_of(capsys, known[name])
        elif os.path.exists(path):
            text = text_of(path)
        for flag in flags_of(cli.with_hyphens(rest)):
            assert re.search(r'(?<![\w-])' + re.escape(flag) + r'(?![\w-])', text), (words, flag)
        for word in rest:           # folders of the repository's own
            if re.match('out/(benchmark|old-defaults|study)', word):
                assert PLACEHOLDER.search(word) or os.path.exists(os.path.join(HERE, word)), words


def test_tests_that_are_named_are_there():
    found = 0
    for file, names in re.findall(
            r'`(?:tests/)?(test_\w+\.py)`: ([a-z0-9_]+(?: \(.*?\))?(?:, [a-z0-9_]+(?: \(.*?\))?)*)',
            '\n'.join(map(text_of, PAGES))):
        path = [path for path in (os.path.join(HERE, 'tests', file), os.path.join(HERE, file))
                if os.path.exists(path)]
        defined = re.findall(r'^def (\w+)', text_of(path[0]), re.MULTILINE)
        for name in re.sub(r' \(.*?\)', '', names).split(', '):
            assert any(name in known for known in defined), (file, name)
            found += 1
    assert found > 60


def test_looking_at_the_repository_s_runs_changes_nothing_in_it(tmp_path, monkeypatch, capsys):
    """The pages' commands that look at committed runs, from a folder like the repository's top."""
    def committed():
        return {folder: tree(os.path.join(HERE, 'out', folder)) for folder in folders}

    folders = sorted(set(os.listdir(os.path.join(HERE, 'out'))) & {
        'benchmark', 'notes', 'old-defaults', 'processors', 'random', 'study'})
    (tmp_path / 'out').mkdir()
    for folder in folders:
        (tmp_path / 'out' / folder).symlink_to(os.path.join(HERE, 'out', folder))
    monkeypatch.chdir(tmp_path)
    before, done = committed(), set()
    for words in sum((list(commands(page)) for page in PAGES), []):
        look = {'tools.summary': (summary.main, []), 'plot': (plot.main, []),
                'tools.diagnose': (diagnose.main, ['--episodes', '1'])}
        name, *rest = words[2 + (words[2:3] == ['spinup.run']):] or ['']
        if name in look and any(re.match('out/(?!again)', word) and os.path.exists(word)
                                for word in rest):
            main, more = look[name]
            code, _, err = run_main(capsys, *rest, *more, main=main)
            assert code is None and err == '', (words, err)
            done.add(name)
    assert done == {'tools.summary', 'plot', 'tools.diagnose'}
    assert committed() == before and os.listdir('out/figures')


# ---- docs/algorithm.md ---------------------------------------------------------------------------

def source():
    return text_of(os.path.join(HERE, 'ddpg.py'))


def test_algorithm_1_is_what_ddpg_says():
    assert text_of(os.path.join(HERE, 'docs', 'algorithm.md')) == algorithm.page(source())
    algorithm.main(['--check'])


def test_a_changed_line_shows():
    changed = source().replace('backup = tf.stop_gradient(r', 'backup = tf.stop_gradient(2 * r')
    assert algorithm.page(changed) != algorithm.page(source())
    assert '2 * r' in algorithm.page(changed)


@pytest.mark.parametrize('step', range(len(algorithm.STEPS)))
def test_a_step_that_is_missing_or_doubled_is_an_error(step):
    comment = '# ' + algorithm.STEPS[step][1]
    assert source().count(comment) == 1
    with pytest.raises(algorithm.NotFound, match='no comments'):
        algorithm.page(source().replace(comment, '# Something else'))
    with pytest.raises(algorithm.NotFound, match='2 comments'):
        algorithm.page(source() + '\n' + comment + '\n')


def test_steps_out_of_order_are_an_error():
    select, execute = ('# ' + algorithm.STEPS[i][1] for i in (3, 4))
    swapped = source().replace(select, '# @').replace(execute, select).replace('# @', execute)
    with pytest.raises(algorithm.NotFound, match='expected before it'):
        algorithm.page(swapped)


def test_the_command_tells_a_missing_step_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(algorithm, 'STEPS', algorithm.STEPS[:-1] + [('x', 'No such comment')])
    code, out, err = run_main(capsys, main=algorithm.main)
    assert (code, out) == (2, '') and err.startswith('tools.algorithm: error: ddpg.py: no comments')


def test_a_page_that_is_not_there_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(algorithm, 'PAGE', 'docs/gone.md')
    code, out, err = run_main(capsys, '--check', main=algorithm.main)
    assert (code, out) == (1, '') and err.startswith('tools.algorithm: error: ')
    assert 'gone.md' in err and err.count('\n') == 1


# ---- docs/results.md -----------------------------------------------------------------------------

def test_the_tables_of_the_results_are_of_the_committed_runs(monkeypatch, tmp_path):
    benchmark.main(['--tables', '--check'])
    (tmp_path / 'docs').mkdir()
    page = tmp_path / benchmark.PAGE
    page.write_text(text_of(os.path.join(HERE, benchmark.PAGE)).replace('| PFRL', '| PRFL'))
    (tmp_path / 'out').symlink_to(os.path.join(HERE, 'out'))
    monkeypatch.setattr(benchmark, 'HERE', str(tmp_path))
    with pytest.raises(SystemExit, match='--tables'):
        benchmark.main(['--tables', '--check'])
    benchmark.main(['--tables'])
    assert page.read_text() == text_of(os.path.join(HERE, benchmark.PAGE))


def test_the_readme_s_table_is_of_the_results():
    """Each number of README's, under the same task and beside the same source."""
    def table(page, corner):        # {source: {task: text}} of the table with that corner
        text = text_of(page)
        lines = re.match(r'(\|.*\n)+', text[text.index(corner):]).group().splitlines()
        head, _, *rows = [[cell.strip(' *') for cell in line.split('|')[1:-1]] for line in lines]
        return {row[0].split(' (')[0].strip('*'): dict(zip(head[1:], row[1:])) for row in rows}

    def mean(cell):
        return float(re.sub(r'[* ].*|,', '', cell)) if cell != '-' else -np.inf

    readme = table(PAGES[0], '| | HalfCheetah |')
    results = table(os.path.join(HERE, benchmark.PAGE), '|  | HalfCheetah |')
    best = readme.pop('the best that we know of')
    assert {'ours', 'Spinning Up, TensorFlow 1', 'Spinning Up, PyTorch'} == set(readme)
    for source, cells in readme.items():
        assert cells == {task: results[source][task] for task in cells}
    others = {source for source in results if not re.match('ours|TD3$', source)}
    for task, cell in best.items():
        assert mean(cell) == max(mean(results[source][task]) for source in others), task
