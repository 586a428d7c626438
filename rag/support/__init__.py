"""Does a passage state what a sentence says? Words, numbers, names and negations compared, in several languages.

Made so that an unproven sentence is taken for unsupported: what is lost is quoted instead.
"""
