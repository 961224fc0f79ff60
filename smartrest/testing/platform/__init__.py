"""The stand-in for the platform, layer by layer: `links` (the wire), `tenant` (rows in, replies out), `inventory`."""
