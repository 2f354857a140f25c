"""One file a command, with one function of its name; most are also a rule of the workflow, of the same name.

The command line is made from the function: its signature, and from its docstring the help (see `cli`). A stage reads
what other stages wrote, and imports none of them.
"""
