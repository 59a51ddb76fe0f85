"""The rules of conformance, one file a kind of device. `somc_hal.testing.conformance` says which apply.

What must stay true: a rule is a function of a bench factory; it waits for events under one deadline and
never for time to pass, so that a driver that hangs fails; its first line says what the driver promises.
"""
