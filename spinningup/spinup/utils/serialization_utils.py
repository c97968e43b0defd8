"""serialization_utils.py: anything as something that JSON can say, for config.json."""
import json


def is_json_serializable(value):
    """Whether json.dumps takes `value` as it is."""
    try:
        json.dumps(value)
        return True
    except (TypeError, ValueError, OverflowError):
        return False


def convert_json(obj):
    """
    `obj` itself where JSON can say it; else its parts, its __name__ (of functions and classes, but
    not of lambdas), its attributes, or its str().

    Mended: Spinning Up turns a tuple into a generator, on which json.dumps then fails.
    """
    if is_json_serializable(obj):
        return obj
    if isinstance(obj, dict):
        return {key if isinstance(key, str) else str(convert_json(key)): convert_json(value)
                for key, value in obj.items()}
    if isinstance(obj, (tuple, list)):
        return [convert_json(item) for item in obj]
    if hasattr(obj, '__name__') and 'lambda' not in obj.__name__:
        return obj.__name__
    if getattr(obj, '__dict__', None):
        return {str(obj): {name: convert_json(value) for name, value in obj.__dict__.items()}}
    return str(obj)
