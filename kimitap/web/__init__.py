"""The screens in a browser: a server on loopback, and a process of the screens for each tab.

textual-serve brings the terminal in the page and the protocol between them. It asks for no token,
checks neither Host nor Origin, and loads a font from elsewhere; what is around it here lets in only
who opened the address that `kimitap web` printed, and asks no other host for anything.
"""
