"""What people look at: pictures of a run and its report, drawn as SVG without any package but torch."""
