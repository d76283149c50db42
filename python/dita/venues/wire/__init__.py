"""What native adapters share: values, requests, failures, the transport, market news, an adapter's life.

Of a venue's own wire format nothing is here: each venue's package has that.
"""
