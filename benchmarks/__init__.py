"""What a sign-in costs: CPU time and memory of the whole service, beside the least that Flask and libxml2 can do."""
