"""These tests need the built programs, and PROMETHEUS_FOLDER (scripts/prometheus.sh test)."""
