"""A file to title and blocks. One module a family of formats; `sandbox` runs them in a limited child process."""
