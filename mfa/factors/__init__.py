"""The kinds of devices that confirm, one module each; see `mfa.factor`."""

from mfa.factor import Factor
from mfa.factors.code_generator import CodeGenerator
from mfa.factors.push import PushRequest

FACTORS: list[Factor] = [PushRequest(), CodeGenerator()]
