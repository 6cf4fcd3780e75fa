"""docs/settings.md, written from the declared settings."""

from collections.abc import Iterator

from epcs_portal.environment.declarations import GROUPS, Setting

INTRODUCTION = """\
# Settings

Every difference between installations is an environment variable. Instead of `NAME`, set
`NAME_FILE` to the path of a file that holds the value, which keeps secrets out of the
environment. [.env.example](../.env.example) is a start, and [deploy.md](deploy.md) explains how
to install the portal. `manage.py check` warns about a variable whose name is nearly that of a
setting.

Written by `manage.py document_settings`; edit `epcs_portal/environment/declarations.py` instead.
"""
HEADER = "| Variable | Meaning | Value | Default |\n|---|---|---|---|"


def markdown() -> str:
    return "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for title, settings in GROUPS.items():
        yield f"## {title}\n\n{HEADER}"
        yield from map(_row, settings)
        yield ""


def _row(setting: Setting) -> str:
    value = f"{setting.type.words}, secret" if setting.is_secret else setting.type.words
    return f"| `{setting.name}` | {setting.help} | {value} | {_default(setting)} |"


def _default(setting: Setting) -> str:
    if setting.is_required:
        return "required"
    if setting.required_when:
        return f"required with `{setting.required_when}`"
    return setting.default_words or _literal(setting.default)


def _literal(default: object) -> str:
    match default:
        case bool():
            return str(int(default))
        case list():
            return f"`{','.join(default)}`"
        case "":
            return "none"
    return f"`{default}`"
