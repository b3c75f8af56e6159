"""Log lines as JSON objects, for programs that collect them."""

import json
import logging
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, what the program adds, trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line.

        >>> import logging
        >>> told = {"name": "catenary.x", "levelname": "INFO", "msg": "wrote %d", "args": (3,)}
        >>> told |= {"event": "written", "_clock_of_another_package": 7}
        >>> line = JsonFormatter().format(logging.makeLogRecord(told))
        >>> line[line.index('"level"'):]
        '"level": "INFO", "logger": "catenary.x", "message": "wrote 3", "event": "written"}'
        """
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {
            key: value
            for key, value in vars(record).items()
            if key not in _STANDARD and not key.startswith("_")  # those are other packages' own
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def handler(form: str) -> logging.Handler:
    """Return where log lines go, standard error, in ``"text"`` or ``"json"``."""
    made = logging.StreamHandler()
    if form == "json":
        made.setFormatter(JsonFormatter())
    else:
        made.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    return made


def is_json() -> bool:
    """Tell whether the log is written as JSON."""
    return any(isinstance(one.formatter, JsonFormatter) for one in logging.getLogger().handlers)
