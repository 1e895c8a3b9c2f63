"""Guidelines written as Clinical Quality Language (HL7 CQL 1.5), for engines other than ours."""

from mriloop.edges.cql.library import cql_of

__all__ = ["cql_of"]
