"""Templates of plain text, such as mail and Markdown, in which nothing is escaped."""

from django.template import Context, Engine


def render(template: str, **context: object) -> str:
    """Return the text of a template; it is no page, so an apostrophe stays one."""
    text = Engine.get_default().get_template(template)
    return text.render(Context(context, autoescape=False))
