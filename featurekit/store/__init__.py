"""The store: features of a corpus on disk, written once, verified when read.

>>> from featurekit import store
>>> store.exists("/no/such/folder")
False

A store is made by :func:`create`, filled by :func:`commit_shard` from any number of processes, published by
:func:`publish_head`, and read by :func:`open_store`. ``schema`` shows the format on one page, ``files`` the commit
protocol. Only this package knows HDF5.
"""

from featurekit.store.documents import add_split, latest_head, read_split
from featurekit.store.files import check_writable
from featurekit.store.index import build_index
from featurekit.store.maintenance import gc, generations, info
from featurekit.store.reader import Store, UtteranceView, open_store
from featurekit.store.schema import (
    ColumnInfo,
    GroupInfo,
    Head,
    ShardContent,
    UtteranceResult,
    shard_key,
)
from featurekit.store.verification import Problem, Report, repair, verify
from featurekit.store.writer import commit_shard, committed, create, drop, exists, publish_head, revert

__all__ = [
    "ColumnInfo",
    "GroupInfo",
    "Head",
    "Problem",
    "Report",
    "ShardContent",
    "Store",
    "UtteranceResult",
    "UtteranceView",
    "add_split",
    "build_index",
    "check_writable",
    "commit_shard",
    "committed",
    "create",
    "drop",
    "exists",
    "gc",
    "generations",
    "info",
    "latest_head",
    "open_store",
    "publish_head",
    "read_split",
    "repair",
    "revert",
    "shard_key",
    "verify",
]
