"""What native adapters share: the life of an adapter, the order path, the transport, and their vocabulary.

Nothing here knows a venue's wire format; each venue's folder has its own.
"""
