"""A person's own data: everything that is kept of them, handed out or taken away (GDPR, articles 15 and 17).

``people`` finds who is meant and what belongs to them, ``export`` writes it down, ``erase`` takes it away, ``commands``
serves both to the command line.
"""
