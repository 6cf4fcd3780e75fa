"""What one statement can do on SQLite and PostgreSQL, and the ORM takes several for.

A decision looks at rows of many tables. Asked one by one, each costs a round trip and
may see another state of the world; asked together they cost one, and see the same.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import (
    DEFAULT_DB_ALIAS,
    OperationalError,
    connection,
    connections,
    models,
)
from django.db.models import (
    BinaryField,
    DecimalField,
    Expression,
    Field,
    FloatField,
    JSONField,
    Value,
)
from django.db.models.sql import UpdateQuery

from foundation.refusals import Refused

Row = TypeVar("Row", bound=models.Model)

DIGITS = 15  # significant ones that SQLite writes of a decimal


class RowAsJson(Expression):
    """The columns of a row as one JSON object, in text."""

    output_field = models.TextField()

    def __init__(self, model: type[models.Model]):
        super().__init__()
        _fields(model)  # or JSON would lose something
        self.model = model

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        return _columns_as_json(self.model), ()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        return f'row_to_json("{self.model._meta.db_table}")::text', ()


class Unreadable(Refused):
    """A row holds what its model cannot: somebody changed its bytes."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"A row of the database cannot be read: {problem}. It was altered outside "
            "the portal. Nothing was changed. Tell your administrator."
        )


def fetch(*querysets: models.QuerySet[Any]) -> list[list[Any]]:
    """Return the rows of each queryset, as model instances, by one statement.

    The rows of one queryset come in no order: sort them. Raise Unreadable, and
    TypeError for a model with columns that JSON does not keep exactly.
    """
    with _reporting_bytes():
        rows = list(_union(querysets))
    return _instances(rows, [queryset.model for queryset in querysets])


Parameters = tuple[Any, ...]
Querysets = dict[str, models.QuerySet[Any]]


class _Prepared:
    """A statement whose SQL is built once, for values that differ each time.

    `build` returns querysets by name. It is called once, with stand-ins for the values,
    which are integers or texts: it puts each into a filter, and never decides on one.
    """

    def __init__(self, build: Callable[..., Querysets]) -> None:
        self.build = build
        self.built: dict[str, tuple[str, Parameters]] = {}
        self.models: dict[str, type[models.Model]] = {}

    def _rows(self, values: dict[str, int | str]) -> list[Any]:
        if connection.vendor not in self.built:
            self.built[connection.vendor] = self._build(values)
        sql, parameters = self.built[connection.vendor]
        value_of = {_stand_in(name, values[name]): values[name] for name in values}
        with _reporting_bytes(), connection.cursor() as cursor:
            cursor.execute(sql, [value_of.get(each, each) for each in parameters])
            return cursor.fetchall()

    def _build(self, values: dict[str, int | str]) -> tuple[str, Parameters]:
        stand_ins = {name: _stand_in(name, value) for name, value in values.items()}
        querysets = self.build(**stand_ins)
        self.models = {name: queryset.model for name, queryset in querysets.items()}
        sql, parameters = self._sql(list(querysets.values()))
        if unused := set(stand_ins.values()).difference(parameters):
            raise TypeError(f"No filter is about {unused}.")
        return sql, parameters

    def _sql(self, querysets: list[models.QuerySet[Any]]) -> tuple[str, Parameters]:
        raise NotImplementedError


class Prepared(_Prepared):
    """A `fetch` that is prepared."""

    def fetch(self, **values: int | str) -> dict[str, list[Any]]:
        """Return the rows of each queryset for these values, as `fetch` does."""
        answers = _instances(self._rows(values), list(self.models.values()))
        return dict(zip(self.models, answers, strict=True))

    def _sql(self, querysets: list[models.QuerySet[Any]]) -> tuple[str, Parameters]:
        return _compiled(_union(querysets))


class PreparedCounts(_Prepared):
    """How many rows several querysets have, by one statement that is prepared."""

    def count(self, **values: int | str) -> dict[str, int]:
        """Return how many rows each queryset has for these values."""
        [counts] = self._rows(values)
        return dict(zip(self.models, counts, strict=True))

    def _sql(self, querysets: list[models.QuerySet[Any]]) -> tuple[str, Parameters]:
        parts = [_compiled(queryset.order_by().values("pk")) for queryset in querysets]
        # The SQL is the ORM's own.
        counts = [f"(SELECT COUNT(*) FROM ({sql}) AS counted)" for sql, _ in parts]  # noqa: S608
        parameters = [each for _, used in parts for each in used]
        return f"SELECT {', '.join(counts)}", tuple(parameters)


def _compiled(queryset: models.QuerySet[Any]) -> tuple[str, Parameters]:
    sql, parameters = queryset.query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    return sql, tuple(parameters)


def _stand_in(name: str, value: int | str) -> int | str:
    """Return what no row holds, the same for every value of this name."""
    if isinstance(value, str):
        return f"the {name} asked for"
    return -(zlib.crc32(name.encode()) >> 1)  # within 32 bits


def _union(querysets: Sequence[models.QuerySet[Any]]) -> models.QuerySet[Any]:
    """Return the rows of all, each with the number of its queryset."""
    first, *others = (
        queryset.using(querysets[0].db)
        .order_by()
        .values_list(Value(number), RowAsJson(queryset.model))
        for number, queryset in enumerate(querysets)
    )
    return first.union(*others, all=True)


@contextmanager
def _reporting_bytes() -> Iterator[None]:
    """Raise Unreadable for bytes in a column of text, which only SQLite keeps."""
    try:
        yield
    except OperationalError as error:
        if "JSON cannot hold BLOB" in str(error):
            raise Unreadable(str(error)) from None
        raise


def _instances(
    rows: list[tuple[int, str]], row_models: list[type[models.Model]]
) -> list[list[Any]]:
    results: list[list[Any]] = [[] for _ in row_models]
    for number, row in rows:
        results[number].append(_read(row_models[number], row, DEFAULT_DB_ALIAS))
    return results


def _read(model: type[Row], row: str, database: str) -> Row:
    try:
        return _instance(model, json.loads(row, parse_float=Decimal), database)
    except (ArithmeticError, TypeError, ValidationError, ValueError) as error:
        raise Unreadable(f"a row of {model._meta.db_table}: {error}") from None


def update_returning(queryset: models.QuerySet[Row], **values: object) -> list[Row]:
    """Update the rows of a queryset and return them as they are afterwards.

    Nobody else's transaction comes between the two.
    """
    query: Any = queryset.query.chain(UpdateQuery)
    query.add_update_values(values)
    statement, parameters = query.get_compiler(queryset.db).as_sql()
    names = [field.column or "" for field in queryset.model._meta.concrete_fields]
    connection = connections[queryset.db]
    columns = ", ".join(map(connection.ops.quote_name, names))
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} RETURNING {columns}", parameters)
        rows = cursor.fetchall()
    return [
        _instance(queryset.model, dict(zip(names, row, strict=True)), queryset.db)
        for row in rows
    ]


@cache
def _columns_as_json(model: type[models.Model]) -> str:
    table = model._meta.db_table
    pairs = [f'\'{f.column}\', "{table}"."{f.column}"' for f in _fields(model)]
    return f"json_object({', '.join(pairs)})"


@cache
def _fields(model: type[models.Model]) -> list[Field[Any, Any]]:
    fields = list(model._meta.concrete_fields)
    if lossy := [field.name for field in fields if not _is_kept(field)]:
        raise TypeError(f"JSON does not keep {', '.join(lossy)} of {model.__name__}.")
    return fields


def _is_kept(field: Field[Any, Any]) -> bool:
    if isinstance(field, DecimalField):
        return field.max_digits <= DIGITS
    return not isinstance(field, BinaryField | FloatField)


def _instance(model: type[Row], row: dict[str, Any], database: str) -> Row:
    fields = _fields(model)
    values = [_value(field, row[field.column or ""]) for field in fields]
    return model.from_db(database, [field.attname for field in fields], values)


def _value(field: Field[Any, Any], value: Any) -> Any:
    """Return what the ORM would have read; SQLite keeps less of a type than JSON."""
    if isinstance(field, JSONField):
        return json.loads(value) if isinstance(value, str) else value
    value = field.to_python(value)
    if isinstance(field, DecimalField) and value is not None:
        return value.quantize(Decimal(1).scaleb(-(field.decimal_places or 0)))
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
