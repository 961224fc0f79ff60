"""The stand-in for the platform, in layers: `links` (the wire), `tenant` (rows in, replies out), `inventory`."""
