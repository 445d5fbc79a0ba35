"""Comments under articles: where one is placed, what readers see, what moderators decide.

``masking``, ``placing``, ``states`` and ``reports`` are pure decisions; ``arrivals`` carries out what comes in through
intake; ``thread`` is what readers see; ``bench`` what moderators see; ``decide``, ``answers``, ``appeals`` and
``articles`` what they do.
"""
