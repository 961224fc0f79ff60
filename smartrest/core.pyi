"""The compiled engine: its types are those of the pure one."""

from smartrest.pure import *
from smartrest.pure import Dispatcher as Dispatcher
from smartrest.pure import Schema as Schema
