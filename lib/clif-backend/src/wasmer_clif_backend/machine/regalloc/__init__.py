"""The register allocator: intervals, scan, resolution, and the checker that proves the result."""
