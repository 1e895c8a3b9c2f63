"""FHIR R4 at the wall: guidelines and advice out as resources, the facts of a Bundle in. Plain JSON, no library."""
