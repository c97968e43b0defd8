"""serialization_utils.py: anything as something that JSON can say, for config.json."""
import json

# Levels that config.json has: nobody reads deeper ones, and Python's recursion has a limit.
MAX_DEPTH = 50


def is_json_serializable(value):
    """Whether json.dumps takes `value` as it is, with sorted keys."""
    try:
        json.dumps(value, sort_keys=True)
        return True
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


def convert_json(obj):
    """
    `obj` itself where JSON can say it; else its parts, its __name__ (of functions and classes, but
    not of lambdas), its attributes, or its str().

    Where something contains itself, directly or not, the inner one is a name alone: '<dict>',
    '<list>', or an object's str(), which is the key of its attributes at the outer one.
    """
    return _convert(obj, (), {})


def _convert(obj, around, described):
    """
    convert_json of one part.

    Args:
        around (tuple): The parts that it is in.
        described (dict): {id: object} of the objects whose attributes are there already, so that
            objects that all refer to each other are described once, not once per path.
    """
    if is_json_serializable(obj):
        return obj
    if hasattr(obj, '__name__') and 'lambda' not in str(obj.__name__):
        return str(obj.__name__)
    inside = any(obj is part for part in around) or len(around) == MAX_DEPTH
    around += (obj,)
    if isinstance(obj, (dict, tuple, list)):
        if inside:
            return '<{}>'.format(type(obj).__name__)
        if isinstance(obj, dict):
            return {key if isinstance(key, str) else str(_convert(key, around, described)):
                    _convert(value, around, described) for key, value in obj.items()}
        return [_convert(item, around, described) for item in obj]
    attributes = getattr(obj, '__dict__', None)
    if not attributes or inside or id(obj) in described:
        return name_of(obj)
    described[id(obj)] = obj
    return {name_of(obj): {name: _convert(value, around, described)
                           for name, value in attributes.items()}}


def name_of(obj):
    """str(obj); where its own code fails at that, as on what refers to itself, its class."""
    try:
        return str(obj)
    except Exception:       # its own code can raise anything
        return '<{}>'.format(type(obj).__name__)
