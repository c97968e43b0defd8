"""
run.py: a run: its settings, environments and folder; how it begins or goes on, what is done at the
end of a step and of an epoch, and what is saved.
"""
import contextlib
import glob
import os
import random
import shlex
import sys
import tempfile
import time
import warnings
from types import SimpleNamespace

import numpy as np
from tqdm import TqdmWarning

from harness import checkpoint, envs, guard, origin, recorded, truth
from harness.agent import Agent, CriticAlone
from harness.files import make_folders, memory_available, read_config
from harness.quiet_tf import tf
from harness.result import Result
from harness.settings import (ACCEPTED, DEFAULTS, BadSetting, check_same_run, checked_folder,
                              checked_name, described_error, first_line, in_json)
from harness.table import Table
import core

with warnings.catch_warnings():
    # In a notebook that has no ipywidgets there is no bar.
    warnings.simplefilter('ignore', TqdmWarning)
    from tqdm.auto import tqdm


def seed_everything(seed, env, test_env):
    """
    Seed all that draws random numbers, before the graph has its first operation.

    `random`, the default graph, the training environment and the noise get `seed` itself, as in the
    notes. All else gets a seed derived from it: no run's test environment equals another run's
    training environment, and NumPy's global generator does not repeat the noise's numbers. (For an
    environment's own generators see recorded.seed_the_rest.)

    Args:
        seed (int): Below 2**32.
        env, test_env (recorded.RecordedEnv): For training and for tests.

    Returns:
        (noise_seed, replay_seed): For the RandomStates of the noise and of the replay.

    Raises:
        BadSetting: An environment raises when it is seeded.
    """
    replay_seed, action_seed, test_seed, *space_seeds, numpy_seed = map(
        int, np.random.SeedSequence(seed).generate_state(7))
    random.seed(seed)
    np.random.seed(numpy_seed)
    tf.set_random_seed(seed)
    env.seed(seed)
    test_env.seed(test_seed)
    # Some environments draw from their spaces. Where two of these four are one object, the last
    # seed is the one that holds: the actions'.
    for space, space_seed in zip((test_env.observation_space, test_env.action_space,
                                  env.observation_space), space_seeds):
        space.seed(space_seed)
    env.action_space.seed(action_seed)
    return seed, replay_seed


# What the names of activations mean in config.json and on the command line.
OUR_ACTIVATIONS = [getattr(tf.nn, name) for name in ACCEPTED['activation'].values]

LAST_WORDS = """
The run is in {}. From here on:
    {}"""
# Commands, and whether they make the environment.
LOOKS = [('python -m spinup.run test_policy {} --video policy.mp4', True),
         ('python -m spinup.run plot {}', False), ('python -m tools.diagnose {}', True)]


# ------------------------------------------------------------------------------------------------
# A run
# ------------------------------------------------------------------------------------------------

class Run:
    """
    One run of ddpg(), as a context: whatever it opened is closed at its end.

        with Run(locals()) as run:
            ...
            table = run.begin(agent, replay, process)
            for epoch in run.epochs():
                for t in run.steps():
                    ...
                run.end_epoch()

    Args:
        arguments (dict): All arguments of ddpg(), resolved (see `settings.checked`).

    Attributes:
        env, test_env (recorded.RecordedEnv): For training and for testing.
        obs_dim, act_dim (int): Components of an observation and of an action.
        ac_kwargs (dict): Those of ddpg(), and the action space.
        uniform_steps (int): Steps whose actions are uniformly random.
        t (int): Steps done; in the loop, the one that is being done.
        epochs_done (int): Epochs whose row is in the table.

    Raises:
        BadSetting: The environment, or what is to be resumed, is not accepted. Nothing has been
            written then.
    """

    def __init__(self, arguments):
        self.arguments = s = SimpleNamespace(**arguments)
        self.t, self.epochs_done = 0, 0
        self.folder = self.table = self.checkpoints = None          # until it begins
        self.lost = False           # whether the last save found the folder gone, or another's
        self.warned_of = set()      # attributes of the replay buffer that were warned about
        with contextlib.ExitStack() as stack:
            stack.enter_context(guard.noting_signals())
            # Afterwards the global generators are as if there had been no run.
            stack.callback(random.setstate, random.getstate())
            stack.callback(np.random.set_state, np.random.get_state())
            self.resumed = s.resume
            if s.resume is not None and not isinstance(s.resume, checkpoint.Checkpoints):
                self.resumed = open_run(s.resume)
            if self.resumed:
                stack.callback(self.resumed.close)
            # For what an environment draws while it is made, before `seed_everything`. (Of streams
            # derived from the seed, truth.held_out has 1, recorded.seed_the_rest 2, and this 3.)
            for draws, word in zip((random, np.random),
                                   np.random.SeedSequence((s.seed, 3)).generate_state(2)):
                draws.seed(int(word))
            self._make_environments(stack)
            check_memory(s, self.obs_dim, self.act_dim)
            check_noise(s, self.act_dim)
            self._settle()
            self.stack = stack.pop_all()
        self.uniform_steps = s.start_steps if s.policy == 'learned' else np.inf
        self.ac_kwargs = dict(s.ac_kwargs, action_space=self.env.action_space)

    def _make_environments(self, stack):
        """The two environments, checked: `env` and `test_env`."""
        s = self.arguments
        watch = guard.Watch(lambda: 'at step {}'.format(self.t))
        test_watch = guard.Watch(lambda: 'in a test episode after step {}'.format(self.t))
        self.env = envs.make_recorded(s.env_fn, watch, stack, None, s.env_kwargs)
        self.test_env = envs.make_recorded(s.env_fn, test_watch, stack, self.env, s.env_kwargs)
        self.test_began = None      # the state of test_env before the test that is running
        self.obs_dim, = self.env.observation_space.shape
        self.act_dim, = self.env.action_space.shape

    def _settle(self):
        """Make `config`, what config.json says; and check whether a resumed run may go on."""
        s = self.arguments
        self.config = {name: value for name, value in vars(s).items()
                       if name not in ('env_fn', 'logger_kwargs', 'resume')}
        by_id = isinstance(s.env_fn, str)
        self.config.update(
            actor_critic=name_of(s.actor_critic, [core.mlp_actor_critic]),
            ac_kwargs={name: name_of(value, OUR_ACTIVATIONS) if callable(value) else value
                       for name, value in s.ac_kwargs.items()},
            noise=s.noise if isinstance(s.noise, str) else name_of(s.noise),
            env=s.env_fn if by_id else envs.env_id(self.env.inside.outermost),
            env_made_by='id' if by_id else 'function')
        if self.resumed:
            self._settle_resumed()
        else:
            self.config = in_json(dict(self.config, **origin.provenance()))
            if s.logger_kwargs.get('data_dir') is not None:
                checked_name(s.logger_kwargs.get('exp_name'))
        if s.logger_kwargs.get('exp_name') is not None:
            self.config['exp_name'] = s.logger_kwargs['exp_name']

    def _settle_resumed(self):
        """Check that the run may go on, from where it was, with what its config.json says."""
        s, folder = self.arguments, self.resumed.run_folder
        given = s.logger_kwargs.get('output_dir')
        if given is not None and os.path.realpath(given) != os.path.realpath(folder):
            raise BadSetting('logger_kwargs', s.logger_kwargs,
                             'no other output_dir than that of the run that goes on, ' + folder)
        self.t, self.epochs_done = (self.resumed.state[key] for key in ('t', 'epochs_done'))
        check_same_run(self.config, self.resumed.config, -(-self.t // s.steps_per_epoch))
        # Again, now that the environments are made: only they import mujoco-py.
        other = origin.difference(self.resumed.config, origin.made_by())
        if other:
            raise cannot_resume(folder, 'it ' + other)
        self.config = dict(self.resumed.config, epochs=s.epochs, save_freq=s.save_freq,
                           threads=s.threads)
        self.folder = folder

    def make_agent(self, graph, seed):
        """
        The Agent, or the CriticAlone, that a graph is for.

        Args:
            graph (ddpg.Graph): Just built.
            seed (int): Of the uniform actions in CriticAlone's backups; Agent draws nothing.
        """
        s = self.arguments
        given = graph, self.env.watch, s.threads, s.lr_decay_steps
        agent = Agent(*given) if s.policy == 'learned' else CriticAlone(*given, seed, self.env)
        self.stack.callback(agent.close)
        return agent

    # ---- Begin, or go on -------------------------------------------------------------------------

    def begin(self, agent, replay, process):
        """
        Begin the run in its folder, or go on from its checkpoint. From here on things are written.

        Args:
            agent (Agent): With the weights of the beginning.
            replay (ddpg.ReplayBuffer): Empty.
            process (noise.Annealed): At its start.

        Returns:
            Table: Where what happens is stored. None where a run that goes on has done all of its
            epochs.

        Raises:
            BadSetting: The folder cannot be written, or the run cannot go on.
            guard.RunStopped: The environment broke its contract in its first reset, or (with
                policy='random') while the truth was measured; or a signal came meanwhile.
        """
        s = self.arguments
        guard.keep_noting()         # some environments take the signals, when they are made
        self.agent, self.replay, self.process = agent, replay, process
        if self.epochs_done == s.epochs:
            print('The run in {} has finished its {} epochs. {}'.format(
                self.folder, s.epochs, self._for_longer('To train on, give it more: ')))
            agent.set_state(self.resumed.state['agent'])
            self._bring_back()
            return None
        if self.resumed:
            self._go_on()
        else:
            self._begin()
        scalars = self.table.scalars
        if scalars.new:
            agent.draw(scalars)
        changed = not self.resumed or self.config != self.resumed.config
        if scalars.new or changed:
            scalars.settings(self.config, self.t)
        self.export = agent.exporter(self.table.logger, s.actor_critic, self.ac_kwargs)
        self.stack.callback(self.export.close)
        self.bar = self.stack.enter_context(tqdm(
            total=s.epochs * s.steps_per_epoch, initial=self.t, unit='step', leave=False,
            disable=None if sys.stderr else True))
        if changed:
            self.save()         # a finished run that gets more epochs counts as unfinished at once
        return self.table

    def _begin(self):
        s, agent = self.arguments, self.agent
        given = s.logger_kwargs
        if given.get('data_dir') is not None:
            self.folder = claim_run_folder(given['data_dir'], given['exp_name'], s.seed)
            # The folder was made just now: what fails in it is the disk, not the input.
            self.checkpoints = checkpoint.Checkpoints(self.folder)
        else:
            self.folder = (os.fspath(given.get('output_dir') or '')
                           or tempfile.mkdtemp(prefix='ddpg-'))
            self.checkpoints = claim_checkpoints(self.folder)
        self.stack.callback(self.checkpoints.close)
        self._open_table()
        self.table.log(agent.size() + '\n')
        for line in unlikely_settings(s):
            self.table.log('Warning: ' + line, 'red')
        if s.policy == 'random':
            agent.held_out = truth.held_out(self.test_env, s.gamma, s.max_ep_len, s.seed,
                                            self.table.log, guard.require_no_signal)
        self.env.reset()

    def _go_on(self):
        if not os.access(self.folder, os.W_OK):
            raise cannot_resume(self.folder, 'it cannot be written')
        state, self.checkpoints = self.resumed.state, self.resumed
        try:
            made_anew = self.env.set_state(state['env'])
            made_anew += self.test_env.set_state(state['test_env'])
        except (recorded.DoesNotRepeat, guard.RunStopped) as why:
            raise cannot_resume(self.folder, why) from why
        self.process.set_state(state['process'])
        self.replay.rng.set_state(state['replay'])
        self.agent.set_state(state['agent'])
        self.checkpoints.restore(self.replay)
        self._open_table()
        if made_anew:
            self.table.log('Warning: its environments were made with {}. Where these are more than '
                           'names, of a folder for example, the run has other numbers from here '
                           'on.'.format('; '.join(made_anew)), 'red')
        began_on, now_on = self.config['processor'], origin.processor()
        if began_on != now_on:
            self.table.log('Warning: it was begun on another processor, {}. What is computed on '
                           'this one, {}, may have other bits.'.format(began_on, now_on), 'red')
        for why in self.checkpoints.ignored:
            self.table.log('Warning: {}. It is not used.'.format(why), 'red')
        for name in self.agent.random_operations()[:1]:
            self.table.log('Warning: {} draws random numbers in TensorFlow, whose state is in no '
                           'checkpoint: from here on they are others than without the '
                           'break.'.format(name), 'red')
        self.checkpoints.go_on()
        self.table.log('Going on after step {}.'.format(self.t))

    def _bring_back(self):
        """Of a run that has finished: what it has lost of table, config.json and export."""
        s = self.arguments
        needed = ['tf1_save'] + (['vars.pkl'] if self.config['env_made_by'] == 'function' else [])
        lacks_export = os.access(self.folder, os.W_OK) and not all(
            os.path.exists(os.path.join(self.folder, name)) for name in needed)
        lacks_files = not self._has_its_files()
        if lacks_export or lacks_files:
            self._open_table()
        if lacks_files:
            print('Its table and its config.json are those of the checkpoint again.')
        self.export = self.agent.exporter(self.table.logger if lacks_export else None,
                                          s.actor_critic, self.ac_kwargs)
        self.stack.callback(self.export.close)
        if lacks_export:
            try:
                self._export()
            except (OSError, tf.errors.OpError) as error:
                raise guard.NotSaved('could not export the policy again: '
                                     + first_line(error)) from error
            print('Its policy is exported again.')

    def _has_its_files(self):
        """Whether a run that has finished has its table and its settings still."""
        try:
            with open(os.path.join(self.folder, 'progress.txt'), encoding='utf-8') as file:
                table = file.read()
        except (OSError, ValueError):
            return False
        return (table.startswith(self.resumed.state['log']['table'])
                and bool(read_config(self.folder)))

    def _open_table(self):
        """The table and config.json; of a run that goes on, as its checkpoint has them."""
        logger_kwargs = dict(self.arguments.logger_kwargs, output_dir=self.folder)
        logger_kwargs.pop('data_dir', None)
        state = self.resumed.state if self.resumed else None
        self.table = Table(logger_kwargs, lambda: self.t, state)
        self.stack.callback(self.table.close)
        if not self.resumed or self.config != read_config(self.folder):
            self.table.logger.save_config(self.config)

    # ---- The loop --------------------------------------------------------------------------------

    def epochs(self):
        """The numbers of the epochs that are left, from 1 on. After each save_freq: a save."""
        s = self.arguments
        for self.epoch in range(self.epochs_done + 1, s.epochs + 1):
            guard.keep_noting()         # some environments take them in their first reset
            self.bar.set_description('Epoch {}/{}'.format(self.epoch, s.epochs), refresh=False)
            yield self.epoch
            if self.epoch % s.save_freq == 0 or self.epoch == s.epochs:
                self.save()

    def steps(self):
        """
        The numbers of the epoch's steps that are left; the run's first step is 1.

        Raises:
            guard.Interrupted: A signal came within the step. All is saved.
        """
        for self.t in range(self.t + 1, self.epoch * self.arguments.steps_per_epoch + 1):
            yield self.t
            self.bar.update()
            self._end_if_asked()

    def end_epoch(self):
        """Test the policy without noise, and write the epoch's row. Raises guard.RunStopped."""
        s, policy = self.arguments, self.agent.policy(self.test_env)
        self.test_began = self.test_env.get_state(before=False)
        with recorded.undisturbed(self.env.env):    # a test that a signal ends is repeated whole
            played = [truth.play(self.test_env, policy, s.max_ep_len, self._end_if_asked)
                      for _ in range(s.num_test_episodes)]
        for episode in played:
            self.table.store(TestEpRet=sum(episode.r), TestEpLen=len(episode.r))
        self.bar.clear()
        self.table.end_epoch(Epoch=self.epoch, TotalEnvInteracts=self.t, **self.agent.judged(
            played, s.gamma, self.env.action_space))
        self.epochs_done, self.agent.updates, self.test_began = self.epoch, 0, None

    def result(self):
        """What ddpg() returns, after the last epoch: a result.Result."""
        return Result(self.folder, self.agent.lasting_policy(self.export, self.env))

    def _end_if_asked(self):
        """Raises guard.Interrupted, with all saved, where a signal has come."""
        if guard.pending_signal():
            self.save()
            guard.require_no_signal(self.t)

    # ---- Saving, and the end ---------------------------------------------------------------------

    def save(self):
        """
        Export the policy, then write a checkpoint. A failure to write is a warning.

        Raises:
            guard.NotFinite: A weight is NaN or infinite: nothing is written.
            guard.NotSaved: Writing failed after the last epoch: no other save follows.
        """
        self._warn_of_unsaved()
        state = dict(
            t=self.t, epochs_done=self.epochs_done, time=time.time() - self.table.began,
            agent=self.agent.get_state(), replay=self.replay.rng.get_state(legacy=False),
            process=self.process.get_state(), env=self.env.get_state(),
            test_env=self.test_began or self.test_env.get_state(before=False))
        self.lost = False
        # The checkpoint comes last: a run that has that of its last epoch has finished.
        for what, write in (
                ('save', self.checkpoints.claim),
                ('export the policy', self._export),
                ('save a checkpoint', lambda: self.checkpoints.save(
                    self.config, dict(state, log=self.table.get_state()), self.replay))):
            try:
                write()
            except (OSError, tf.errors.OpError) as error:
                self.lost = what == 'save'
                failed = 'could not {} at step {}: {}'.format(what, self.t, first_line(error))
                if self.epochs_done == self.arguments.epochs:
                    raise guard.NotSaved('all is trained, but ' + failed) from error
                self.table.log('Warning: {}. What was saved before is whole; the next save tries '
                               'again.'.format(failed), 'red')
                if self.lost:
                    break

    def _warn_of_unsaved(self):
        saved = {*checkpoint.COLUMNS, 'max_size', 'stored', 'rng'}
        own = sorted(vars(self.replay).keys() - saved - self.warned_of)
        if own:
            self.warned_of.update(own)
            self.table.log('Warning: the replay buffer has {}, which no checkpoint has. Where that '
                           'changes in training, a run that goes on has other numbers.'.format(
                               ', '.join(own)), 'red')

    def _export(self):
        with self.env.inside.bare() as env:
            self.export.save(env)

    def _for_longer(self, before=''):
        """How to train on after the last epoch: `before` and a command, or why to begin anew."""
        s = self.arguments
        epochs = 2 * self.epochs_done
        if s.lr_decay_steps:
            epochs = min(epochs, s.lr_decay_steps // s.steps_per_epoch)
        if epochs > self.epochs_done:
            return before + resume_command(self.folder, self.config, epochs)
        return ('Its learning rates come to 0 before another epoch ends: a longer run begins with '
                '--lr-decay-steps {}, or none.'.format(2 * self.epochs_done * s.steps_per_epoch))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.stack.close()
        if not error and self.checkpoints:      # it has trained
            # Another process cannot make an environment whose class is this script's own.
            commands = [command.format(shlex.quote(self.folder)) for command, makes_it in LOOKS
                        if not (makes_it and envs.is_of_a_script(self.env))]
            print(LAST_WORDS.format(self.folder, '\n    '.join(commands + [self._for_longer()])))
        if not (isinstance(error, guard.RunStopped) and self.folder):
            return
        way = (checkpoint.is_in(self.folder) and not self.lost
               and resume_command(self.folder, self.config))
        if isinstance(error, guard.Interrupted):
            if way:
                what_now = 'To go on: ' + way
            elif self.t:
                what_now = 'Nothing could be saved.'
            else:
                what_now = 'Nothing has been trained yet.'
            print('Interrupted by {}. {}'.format(error, what_now))
        elif way:
            print('What was logged and saved before is whole. To go on from the last checkpoint: '
                  + way)


def name_of(function, ours=()):
    """
    How config.json names a function or a class: by its name, and with its module where the name
    alone would mean another one, of `ours` (functions) or of the values of `noise`.
    """
    name = getattr(function, '__name__', type(function).__name__)
    taken = {known.__name__ for known in ours} | set(ACCEPTED['noise'].values)
    if name in taken and function not in ours:
        return '{}.{}'.format(getattr(function, '__module__', ''), name)
    return name


def check_memory(s, obs_dim, act_dim, at_once=1):
    """
    Check that replay buffer and networks fit into the memory that there is.

    Args:
        s (SimpleNamespace): The arguments of ddpg().
        obs_dim, act_dim (int): Components of an observation and of an action.
        at_once (int): How many such runs train at once.

    Raises:
        BadSetting: They do not.
    """
    there_is = memory_available()
    hidden = s.ac_kwargs['hidden_sizes'] if s.actor_critic is core.mlp_actor_critic else ()
    sizes = (obs_dim + act_dim,) + tuple(hidden) + (act_dim + 1,)
    weights = 2 * sum(a * b for a, b in zip(sizes, sizes[1:]))
    row = 4 * (2 * obs_dim + act_dim + 2)
    takes = dict(
        replay_size=s.replay_size * row,
        # Main and target, Adam's two slots, gradients, what is exported and saved.
        hidden_sizes=4 * 10 * weights,
        batch_size=4 * 10 * s.batch_size * sum(sizes))
    # Rows that are never written take no memory.
    unwritten = max(0, s.replay_size - s.epochs * s.steps_per_epoch) * row
    largest = max(takes, key=takes.get)
    in_all = at_once * (sum(takes.values()) - unwritten)
    of_all = 'with all else it takes' if at_once == 1 else '{} runs at once take'.format(at_once)
    for what, size in (('it takes', takes[largest]), (of_all, in_all)):
        if size > there_is:
            value = list(hidden) if largest == 'hidden_sizes' else getattr(s, largest)
            raise BadSetting(largest, value,
                             'what fits into memory; {} {:.0f} GB, and there are {:.1f}'.format(
                                 what, min(size, 10 ** 300) / 1e9, there_is / 1e9))


def check_noise(s, act_dim):
    """
    Check that the noise of one step can be had, and saved, where it is of a class of one's own.

    Args:
        s (SimpleNamespace): The arguments of ddpg().
        act_dim (int): Components of an action.

    Raises:
        BadSetting: It cannot.
    """
    def refused(why):
        return BadSetting('noise', name_of(s.noise), 'a class like those of noise.py, which gives '
                          'an array of shape ({},); {}'.format(act_dim, why))

    if isinstance(s.noise, str):
        return
    try:
        process = s.noise(np.ones(act_dim), sigma=s.noise_sigma, seed=s.seed)
        process.reset()
        drawn = np.asarray(process(), np.float64)
        process.sigma
        process.set_state(checkpoint.as_read(process.get_state()))
    except Exception as error:
        raise refused('it raises ' + described_error(error)) from error
    if drawn.shape != (act_dim,):
        raise refused('it gives one of shape {}'.format(drawn.shape))


def unlikely_settings(s):
    """What is accepted, but can hardly be meant, of the arguments of ddpg(), in lines."""
    lines, steps = [], s.epochs * s.steps_per_epoch
    if s.polyak > 0.5:
        lines.append("polyak={0} is the paper's tau, a small number; Spinning Up's {0} is {1:.4g} "
                     'here.'.format(s.polyak, 1 - s.polyak))
    first_update = -(-max(s.update_after, 1) // s.update_every) * s.update_every
    if steps < first_update:
        lines.append('nothing will be learnt: the first update is at step {}, by update_after and '
                     'update_every, and the run has {}.'.format(first_update, steps))
    if s.policy == 'learned' and steps <= s.start_steps:
        lines.append('all actions will be random: start_steps is {}, and the run has {} '
                     'steps.'.format(s.start_steps, steps))
    for names, has_meaning, where in (
            (['noise_theta', 'noise_dt'], s.noise == 'ou', "noise='ou'"),
            (['noise_anneal_steps'], s.noise_final_share != 1, 'a noise_final_share other than 1'),
            (['decay_kind'], s.weight_decay > 0, 'a weight_decay above 0')):
        for name in names:
            if not has_meaning and getattr(s, name) != DEFAULTS[name]:
                lines.append('{}={} has no meaning without {}.'.format(
                    name, getattr(s, name), where))
    return lines


# ------------------------------------------------------------------------------------------------
# The run folder
# ------------------------------------------------------------------------------------------------

def claim_run_folder(data_dir, exp_name, seed):
    """
    Make the folder of a new run, <data_dir>/<exp_name>/<YYYY-MM-DD-HH-MM-SS>_<exp_name>_s<seed>.

    Of two runs that start in the same second, one waits for the next.

    Raises:
        BadSetting: It cannot be made there.
    """
    while True:
        stamp = time.strftime('%Y-%m-%d-%H-%M-%S')
        folder = os.path.join(data_dir, exp_name, '{}_{}_s{}'.format(stamp, exp_name, seed))
        try:
            make_folders(folder)
            return folder
        except FileExistsError:
            time.sleep(0.1)
        except OSError as error:
            raise BadSetting('data_dir', data_dir, 'a folder that can be written; '
                             + error.strerror) from None


def open_run(folder):
    """
    The checkpoints of the run in `folder`, to resume it.

    Raises:
        BadSetting: It cannot be resumed.
    """
    if not folder:
        raise cannot_resume(folder, '. is the current one')
    try:
        folder = os.fspath(folder)
    except TypeError:
        raise cannot_resume(folder, 'this is no path') from None
    checked_folder('resume', folder)
    try:
        return checkpoint.Checkpoints(folder, resume=True)
    except (checkpoint.Unusable, OSError) as why:
        near = runs_near(folder)
        raise cannot_resume(folder, '{}{}'.format(
            why, '; runs are ' + ', '.join(near[:10]) if near else '')) from None


def runs_near(folder):
    """The runs in a folder that is no run, such as an experiment's; or the one that it is in."""
    if checkpoint.is_in(folder):
        return []
    folder = os.path.normpath(folder)
    paths = [path for place in (os.path.join(glob.escape(folder), '*'),
                                glob.escape(os.path.dirname(folder)))
             for path in sorted(glob.glob(os.path.join(place, 'checkpoints')))]
    return list({os.path.realpath(path): os.path.dirname(path) or '.' for path in paths}.values())


def claim_checkpoints(folder):
    """
    The checkpoints of a new run in `folder`.

    Raises:
        BadSetting: Another process trains there, or it cannot be written.
    """
    try:
        return checkpoint.Checkpoints(folder)
    except (checkpoint.Unusable, OSError) as why:
        raise BadSetting('output_dir', folder, 'a folder to train in; {}'.format(why)) from None


def cannot_resume(folder, why):
    """The BadSetting that says why the run in `folder` cannot be resumed."""
    return BadSetting('resume', folder, 'the folder of a run that can go on; {}'.format(why))


def custom_parts(config):
    """
    The parts of a run that no command line can make: {in words: the argument of ddpg() for it}.

    Args:
        config (dict): Its config.json.
    """
    networks, ac_kwargs = config['actor_critic'], config['ac_kwargs']
    activation, own = ac_kwargs.get('activation'), {}
    if config['env_made_by'] == 'function':
        own['environment was made by a function'] = 'that function'
    if networks != core.mlp_actor_critic.__name__:
        own['networks are made by a function ' + networks] = 'actor_critic=' + networks
    elif set(ac_kwargs) - set(ACCEPTED):
        own['networks have settings that are no flags: {}'.format(
            ', '.join(sorted(set(ac_kwargs) - set(ACCEPTED))))] = 'ac_kwargs=...'
    if activation not in (None,) + ACCEPTED['activation'].values:
        own['activation is a function {}'.format(activation)] = 'ac_kwargs=...'
    if config['noise'] not in ACCEPTED['noise'].values:
        own['noise is made by a class ' + config['noise']] = 'noise=' + config['noise']
    return own


def resume_command(folder, config, epochs=None):
    """The command, or the call, that goes on with the run in `folder`; for more epochs, or not."""
    own = custom_parts(config)
    if own:
        return 'ddpg({}, ..., resume={!r}{})'.format(
            ', '.join(dict.fromkeys(own.values())), folder,
            ', epochs={}'.format(epochs) if epochs else '')
    return 'python ddpg.py --resume {}{}'.format(
        shlex.quote(folder), ' --epochs {}'.format(epochs) if epochs else '')
