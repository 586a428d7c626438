"""Where documents come from besides uploads: web pages, sitemaps, buckets, folders."""
