"""Generated from proto/bayespfl/admin/v1 by scripts/generate_python.sh."""
