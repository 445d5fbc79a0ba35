"""The channels of a Meta app: direct messages of Messenger, Instagram and WhatsApp, and comments on both platforms.

They share one callback and one Graph API client; each kind has a module of its own that reads and writes its messages.
"""
