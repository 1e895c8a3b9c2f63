"""The JSON documents of the contract, made from the nouns: mriloop/check/1, advice/1, comparison/1 …."""

from mriloop.edges.publish.documents.advice import advice_document
from mriloop.edges.publish.documents.check import check_document
from mriloop.edges.publish.documents.comparison import comparison_document, read_comparison
from mriloop.edges.publish.documents.contract import NAMES, schema
from mriloop.edges.publish.documents.order import order_document
from mriloop.edges.publish.documents.plain import Document
from mriloop.edges.publish.documents.response import entries_document, response_document
from mriloop.edges.publish.documents.review import follow_up_document, review_document

__all__ = [
    "NAMES",
    "Document",
    "advice_document",
    "check_document",
    "comparison_document",
    "entries_document",
    "follow_up_document",
    "order_document",
    "read_comparison",
    "response_document",
    "review_document",
    "schema",
]
