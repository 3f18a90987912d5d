"""The calibration certificate as a document: its data, and the pages that show them.

`report` and `building` are pure and cheap to import. `plots`, `pages`, `style` and `pdf` load
reportlab, which is large: only a child process that makes a PDF imports them.
"""
