"""The contract of the inspection server as generated messages: `bayespfl.admin.v1`."""
