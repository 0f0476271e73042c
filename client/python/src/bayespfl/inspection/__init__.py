"""The contract of the inspection server as generated messages: `bayespfl.inspection.v1`."""
