"""What is simpler: rules by which `make` replaces instructions before they are there."""
