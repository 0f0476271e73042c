"""Generated from proto/bayespfl/inspection/v1 by scripts/generate_python.sh."""
