"""The HTTP API: its endpoints, their types, and the OpenAPI document made from both."""
