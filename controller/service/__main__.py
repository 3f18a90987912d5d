"""`python -m controller.service`: the command line without an installed script."""

from controller.service.entry import main

main()
