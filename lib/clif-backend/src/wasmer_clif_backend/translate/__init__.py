"""From core's bodies to CLIF."""
