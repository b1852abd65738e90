"""Which files belong to a project, and what their bytes, names and syntax trees say."""
