"""
recorded.py: what an environment consists of, its random generators, and an environment that can be
brought back to where it was.
"""
import contextlib
import enum
import hashlib
import json
import random
import struct
import types

import gym
import numpy as np

# What the code of an environment, of its module and its wrappers can raise.
ANYTHING = (Exception, SystemExit)


class DoesNotRepeat(Exception):
    """An environment that cannot be brought back to where it was. It says why, in one line."""


# ------------------------------------------------------------------------------------------------
# An environment and its wrappers
# ------------------------------------------------------------------------------------------------

def layers(env, of_gym=False):
    """
    An environment's wrappers, the outermost first, and then itself. A wrapper is whatever has an
    environment as its `env`, such as Gymnasium's; with `of_gym`, a gym.Wrapper alone.
    """
    def within(layer):
        if isinstance(layer, gym.Wrapper):
            return layer.env
        inner = None if of_gym else getattr(layer, '__dict__', {}).get('env')
        if not isinstance(inner, type) and has(inner, '__dict__', 'reset', 'step'):
            return inner

    found, inner = [env], within(env)
    while inner is not None and not any(inner is known for known in found):     # a cycle ends
        found.append(inner)
        inner = within(inner)
    return found


def has(value, *names):
    """Whether a value has all these attributes; False where looking at them raises anything."""
    try:
        return all(hasattr(value, name) for name in names)
    except ANYTHING:
        return False


# What most attributes of a class are; whatever else may be a space or a generator.
METHODS = (types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType,
           types.MethodDescriptorType, staticmethod, classmethod, property)


def all_attributes(env):
    """
    All attributes but methods, inherited ones too, of an environment's layers and of the objects
    among these attributes: pairs of a name, such as '1.arm.mass', and a value.
    """
    around = layers(env)
    # A queue, which grows by the objects; but for those of the first layer, a CheckedEnv.
    owners = [(layer, str(number), 0 if number else DEEPEST)
              for number, layer in enumerate(around)]
    seen = {id(layer) for layer in around}
    for owner, path, depth in owners:
        attributes = {}
        for each in reversed(type(owner).__mro__):
            attributes.update(vars(each))
        attributes.update(vars(owner))
        for name, value in sorted(attributes.items()):
            if isinstance(value, METHODS):
                continue
            name = '{}.{}'.format(path, name)
            yield name, value
            if depth < DEEPEST and id(value) not in seen and is_plain_object(value):
                seen.add(id(value))
                owners.append((value, name, depth + 1))


def environment_ids(env):
    """The ids of all environments that one consists of: its layers, and what these hold as such."""
    found = layers(env)
    found.append(getattr(found[-1], 'unwrapped', found[-1]))
    not_looked_into = types.SimpleNamespace(env=env)        # as the first layer never is
    found += [value for _, value in all_attributes(not_looked_into)
              if not isinstance(value, type) and has(value, 'reset', 'step', 'action_space')]
    return set(map(id, found))


# ------------------------------------------------------------------------------------------------
# Random generators
# ------------------------------------------------------------------------------------------------

def generators(env):
    """
    {name: generator of random numbers}: those of an environment, of its wrappers, of their spaces
    and of the objects that are their attributes, and the global ones of `random` and NumPy.
    """
    found = {'random': random, 'numpy': np.random}
    for attribute in all_attributes(env):
        for name, value in own_generators(*attribute):
            if not any(value is known for known in found.values()):
                found[name] = value
    return found


def own_generators(name, value):
    """What draws, for an attribute: it itself, or a space's own, and those of a space's parts."""
    if is_generator(value):
        yield name, value
    elif has(value, 'np_random', 'sample'):
        if is_generator(value.np_random):
            yield name + '.np_random', value.np_random
        parts = getattr(value, 'spaces', ())        # whatever answers to any name has none
        for key, part in (parts.items() if isinstance(parts, dict) else
                          enumerate(parts) if isinstance(parts, (list, tuple)) else ()):
            yield from own_generators('{}.{}'.format(name, key), part)


def is_generator(value):
    """Whether a value draws random numbers, and has a state: the system's own has none."""
    return isinstance(value, (np.random.RandomState, np.random.Generator, random.Random)) and (
        not isinstance(value, random.SystemRandom))


def random_states(env):
    """The states of all `generators` of an environment, for `set_random_states`."""
    states = {}
    for name, generator in generators(env).items():
        if hasattr(generator, 'getstate'):                  # Python's random, and random.Random
            states[name] = generator.getstate()
        elif isinstance(generator, np.random.Generator):
            states[name] = generator.bit_generator.state
        else:
            states[name] = generator.get_state(legacy=False)
    return states


def set_random_states(env, states, all_there=True):
    """
    Set all `generators` of an environment.

    Args:
        env (gym.Env): The environment. It is reset, where it has not all generators yet.
        states (dict): From `random_states`.
        all_there (bool): False: an episode is about to begin, in which it may make some of them.

    Raises:
        DoesNotRepeat: With `all_there`, it has others than those in `states`.
    """
    if set(generators(env)) != set(states):
        env.reset()             # some environments make theirs only then
    found = generators(env)
    if all_there and set(found) != set(states):
        raise DoesNotRepeat('the environment has other random generators: {}, not {}'.format(
            ', '.join(sorted(found)), ', '.join(sorted(states))))
    for name, generator in found.items():
        if name not in states:
            continue
        if hasattr(generator, 'setstate'):
            version, words, gauss = states[name]
            generator.setstate((version, tuple(words), gauss))
        elif isinstance(generator, np.random.Generator):
            generator.bit_generator.state = states[name]
        else:
            generator.set_state(states[name])


@contextlib.contextmanager
def undisturbed(env):
    """
    Afterwards an environment's generators are as they were before, even those that it shares with
    other environments: the global ones, and those of classes.
    """
    before = random_states(env)
    yield
    now = random_states(env)
    set_random_states(env, {name: before.get(name, now[name]) for name in now})


def seed_the_rest(env, before, seed):
    """
    Seed the generators that the seed() of an environment has left as they were, and those that now
    have the stream of RandomState(seed), which is the noise's: each gets one of its own.

    Args:
        env (CheckedEnv): Its own spaces are for others to seed.
        before (dict): Its `random_states` before its seed().
        seed (int): What it was given.
    """
    def said(state):
        return json.dumps(state, default=lambda value: np.asarray(value).tolist())

    noise, now = np.random.RandomState(seed).get_state(legacy=False), random_states(env)
    found = {name: generator for name, generator in sorted(generators(env).items())
             if not name.startswith('0.')}
    words = map(int, np.random.SeedSequence((seed, 2)).generate_state(len(found)))
    for (name, generator), word in zip(found.items(), words):
        unmoved = (name not in ('random', 'numpy') and name in before
                   and said(now[name]) == said(before[name]))
        is_noise = said(now[name]) == said(noise)
        if unmoved or is_noise:
            if isinstance(generator, np.random.Generator):
                bits = generator.bit_generator
                bits.state = type(bits)(word).state
            else:
                generator.seed(word)


# ------------------------------------------------------------------------------------------------
# Attributes
# ------------------------------------------------------------------------------------------------

# What an attribute may be to be saved, and how large an array; objects within objects, how deep.
SAVED = (bool, int, float, str, type(None))
LARGEST_ARRAY = 100000
DEEPEST = 3
# What may name something of one process alone, such as a handle, a port or a folder.
DISCRETE = (bool, int, str, type(None))


def attributes(owner, but=(), depth=0):
    """
    The attributes of an object that can be saved, {name: value}: numbers, text and arrays, and a
    dict of the same for each object among them. Of a callable, such as a network, they are numbers
    and arrays alone: its flags and names may say that something was made at its first call, which
    is not saved.

    Args:
        owner (object): Whose attributes.
        but (collection of int): The ids of objects that are not looked into.
        depth (int): How many objects `owner` is inside of.
    """
    found, kinds = {}, (int, float) if callable(owner) else SAVED
    for name, value in sorted(vars(owner).items()):
        if isinstance(value, np.generic):
            value = np.asarray(value)
        if isinstance(value, np.ndarray):
            if value.dtype.kind in 'biuf' and value.size <= LARGEST_ARRAY:
                found[name] = value.copy()
        elif type(value) in kinds:
            found[name] = value
        elif depth < DEEPEST and id(value) not in but and is_plain_object(value):
            within = attributes(value, but, depth + 1)
            if within:
                found[name] = within
    return found


def is_plain_object(value):
    """Whether an attribute is an environment, or of someone's own class, such as a running mean."""
    return (has(value, '__dict__')
            and not isinstance(value, (type, dict, enum.Enum, gym.Space, random.Random))
            and (isinstance(value, gym.Env) or type(value).__module__.split('.')[0] not in (
                'builtins', 'functools', 'gym', 'mujoco_py', 'tensorflow', 'tensorflow_core',
                'keras', 'torch', 'logging', 'threading', 'subprocess', 'multiprocessing',
                'concurrent', 'asyncio', 'socket')))


def set_attributes(owner, values, made):
    """
    Set an object's attributes to `values` (from `changed`). A whole number or a text that these
    leave out becomes what it was when the object was `made`.
    """
    for name, value in made.items():
        # What was None, and is an object now, has been made since, and is needed.
        if (name not in values and type(value) in DISCRETE
                and isinstance(vars(owner).get(name), SAVED + (np.generic, np.ndarray))):
            vars(owner)[name] = value
    for name, value in values.items():
        present = vars(owner).get(name)
        if isinstance(value, dict):
            if hasattr(present, '__dict__'):
                set_attributes(present, value, inner_of(made, name))
        elif isinstance(value, np.ndarray):
            if (isinstance(present, np.ndarray) and present.shape == value.shape
                    and present.dtype == value.dtype and present.flags.writeable):
                present[...] = value            # others may look at this very array
            else:
                vars(owner)[name] = value[()] if not value.ndim else value.copy()
        else:
            vars(owner)[name] = value           # whatever its own __setattr__ would do, or refuse


def changed(values, made):
    """
    `values` (from `attributes`) without the whole numbers and text that are as in `made`, the same
    before anything was played: those may be of one environment alone, such as a port.
    """
    found = {}
    for name, value in values.items():
        first = made.get(name)
        if isinstance(value, dict):
            found[name] = changed(value, inner_of(made, name))
        elif not (name in made and type(value) is type(first) in DISCRETE and value == first):
            found[name] = value
    return found


def inner_of(values, name):
    """The attributes of an object in `values` (from `attributes`); none, where it is no object."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def discrete(values):
    """Of `values` (from `attributes`), the whole numbers and the text."""
    return {name: discrete(value) if isinstance(value, dict) else value
            for name, value in values.items() if isinstance(value, dict) or type(value) in DISCRETE}


def differences(values, others, path=''):
    """Where `discrete` differ, by names that both have: a list of '<name>=<value>, not <other>'."""
    found = []
    for name in sorted(set(values) & set(others)):
        value, other = values[name], others[name]
        if isinstance(value, dict) and isinstance(other, dict):
            found += differences(value, other, path + name + '.')
        elif value != other:
            found.append('{}{}={!r}, not {!r}'.format(path, name, value, other))
    return found


# ------------------------------------------------------------------------------------------------
# Coming back
# ------------------------------------------------------------------------------------------------

class RecordedEnv(gym.Wrapper):
    """
    An environment that can be brought back to where it is, in the middle of an episode.

    No environment can save itself in general, so this one remembers, of the running episode and of
    the one before, what there was before its reset (random states; a seed that waited for it;
    attributes that are numbers or arrays) and the actions since: they are played again. That is
    exact where an episode depends on nothing else, as in MuJoCo; and it is checked, by a digest of
    all observations, rewards and ends.

    Attributes, of the running episode: observation (the last one), ep_ret (the sum of its rewards)
    and ep_len (the number of its steps).
    """
    observation = None          # before the first reset

    def __init__(self, env):
        super().__init__(env)
        self.running, self.before, self.resets = None, None, 0
        self.made = self._attributes()

    def reset(self):
        self.before = self.running
        self.running = dict(at_reset=self._surroundings(), actions=[], digest=hashlib.sha256(),
                            number=self.resets)
        self.resets += 1
        self.ep_ret, self.ep_len = 0., 0
        self.observation = self.env.reset()
        self.running['digest'].update(self.observation.tobytes())
        return self.observation

    def step(self, a):
        self.running['actions'].append(np.array(a))
        self.observation, r, done, info = self.env.step(a)
        self.running['digest'].update(self.observation.tobytes() + struct.pack('d?', r, done))
        self.ep_ret += r
        self.ep_len += 1
        return self.observation, r, done, info

    def _attributes(self):
        """{depth of a layer: its `attributes`}"""
        around = layers(self.env)
        others = set(map(id, around))
        return {str(depth): attributes(layer, others) for depth, layer in enumerate(around[1:])}

    def _surroundings(self):
        """What a reset depends on, as far as this can see."""
        return dict(random=random_states(self.env), seeds=list(self.env.inside.seeds),
                    attributes=changed(self._attributes(), self.made))

    def _surround(self, found, all_there=True):
        """Set what `_surroundings` has found; see `set_random_states`. Raises DoesNotRepeat."""
        if len(layers(self.env)) - 1 != len(found['attributes']):
            self.env.reset()            # some make what they wrap only then
        there, then = len(layers(self.env)) - 1, len(found['attributes'])
        if there != then:
            raise DoesNotRepeat('the environment has {} layers, wrappers and all, not {}'.format(
                there, then))
        set_random_states(self.env, found['random'], all_there)
        self.env.inside.seeds = list(found['seeds'])
        for depth, layer in enumerate(layers(self.env)[1:]):
            set_attributes(layer, found['attributes'][str(depth)], inner_of(self.made, str(depth)))

    def get_state(self, before=True):
        """
        For `set_state`.

        Args:
            before (bool): Whether the episode before the running one is to be played again, too:
                what it leaves behind may be more than this can see.
        """
        def saved(record):
            return record and dict(record, actions=np.array(record['actions']),
                                   digest=record['digest'].hexdigest())

        return dict(before=saved(self.before) if before else None, running=saved(self.running),
                    now=self._surroundings(), made=discrete(self.made))

    def set_state(self, state):
        """
        Play episodes again, up to where it was.

        Returns:
            list of str: The whole numbers and text that the new environment was made with, where
            the saved one was made with others: mere names, such as a folder's, or what decides how
            it goes on.

        Raises:
            DoesNotRepeat: That leads to other observations, rewards or ends, or there are other
                random generators.
        """
        # Where this environment has played already, it has what an episode leaves behind.
        before = None if self.running else state['before']
        self.running = None
        for name, record in (('the last', before), ('the running', state['running'])):
            if record is None:
                continue
            if record['number'] and not self.resets:
                self.env.reset()        # makes what a first one makes, before flags say it is made
            self.resets = record['number']
            self._surround(record['at_reset'], all_there=False)
            self.reset()
            for a in record['actions']:
                self.step(a)
            if self.running['digest'].hexdigest() != record['digest']:
                raise DoesNotRepeat(
                    'its environment does not repeat: the {} actions of {} episode lead to another '
                    'observation, reward or end'.format(len(record['actions']), name))
        self._surround(state['now'])
        return [each for depth, values in discrete(self.made).items()
                for each in differences(values, state['made'].get(depth, {}))]
