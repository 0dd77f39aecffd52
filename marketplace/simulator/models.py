"""What stands and moves in the simulated street: vehicles, people, buildings and trees, as solids."""

from dataclasses import replace
from typing import Any

import numpy as np

from marketplace.simulator.solids import (
    BACK,
    FRONT,
    LEFT,
    RIGHT,
    Array,
    Body,
    Colour,
    Decal,
    Solid,
    ball,
    frustum,
    prism,
    wheel,
)

Dice = np.random.Generator

GLASS: Colour = (52, 66, 80)
TYRE: Colour = (34, 35, 38)
UNDERSIDE: Colour = (26, 27, 30)
LAMP: Colour = (255, 246, 218)
TAIL: Colour = (206, 44, 40)
PLATE: Colour = (236, 234, 222)
METAL: Colour = (120, 126, 132)

CAR_COLOURS: tuple[Colour, ...] = (
    (226, 228, 230), (58, 64, 74), (150, 40, 44), (44, 84, 138), (172, 178, 184), (214, 176, 64), (62, 108, 92),
)  # fmt: skip
SHIRTS: tuple[Colour, ...] = (
    (196, 66, 58), (56, 96, 160), (232, 186, 72), (86, 138, 96), (236, 232, 224), (118, 82, 146), (58, 62, 72),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((48, 56, 78), (78, 72, 66), (40, 42, 46), (104, 112, 126))
SKINS: tuple[Colour, ...] = ((236, 198, 168), (198, 148, 112), (134, 92, 66), (94, 64, 48))
HAIRS: tuple[Colour, ...] = ((46, 36, 30), (92, 62, 40), (168, 132, 84), (120, 120, 122))
WALLS: tuple[Colour, ...] = (
    (206, 178, 146), (188, 112, 88), (214, 202, 182), (160, 168, 176), (196, 150, 106), (142, 154, 146),
    (222, 190, 158),
)  # fmt: skip
LEAVES: tuple[Colour, ...] = ((92, 134, 70), (112, 148, 74), (78, 122, 76), (132, 150, 72))


def pick(dice: Dice, choices: Any) -> Any:
    return choices[int(dice.integers(len(choices)))]


def shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(c * factor)) for c in colour)
    return red, green, blue


def car(dice: Dice) -> Body:
    """A hatchback or a saloon. Forward is +x; the whole car stands on z = 0 around the origin."""
    length, width, height = 4.1 + 0.6 * dice.random(), 1.76 + 0.12 * dice.random(), 1.44 + 0.14 * dice.random()
    paint = pick(dice, CAR_COLOURS)
    saloon = dice.random() < 0.5
    sill, belt = 0.22, 0.84
    shell = frustum((length, width - 0.08, belt - sill), paint, top=(0.97, 0.95), reflectivity=0.55)
    shell = shell.painted(FRONT, LAMP, (0.05, 0.5, 0.25, 0.74), (0.75, 0.5, 0.95, 0.74), glows=True)
    shell = shell.painted(FRONT, UNDERSIDE, (0.3, 0.12, 0.7, 0.5)).painted(FRONT, PLATE, (0.4, 0.2, 0.6, 0.36))
    shell = shell.painted(BACK, TAIL, (0.04, 0.52, 0.24, 0.8), (0.76, 0.52, 0.96, 0.8), glows=True)
    shell = shell.painted(BACK, PLATE, (0.38, 0.34, 0.62, 0.54))
    seam = shaded(paint, 0.72)
    shell = shell.painted(LEFT, seam, (0.5, 0.05, 0.505, 1)).painted(RIGHT, seam, (0.495, 0.05, 0.5, 1))
    cabin_length = length * (0.56 if saloon else 0.64)
    cabin = frustum((cabin_length, (width - 0.08) * 0.94, height - belt), paint, top=(0.7, 0.82), reflectivity=0.5)
    for side in (LEFT, RIGHT):
        cabin = cabin.painted(side, GLASS, (0.08, 0.1, 0.48, 0.86), (0.52, 0.1, 0.92, 0.86))
    for end in (FRONT, BACK):
        cabin = cabin.painted(end, GLASS, (0.05, 0.06, 0.95, 0.9))
    cabin = cabin.moved(x=-0.04 * length if saloon else -0.11 * length, z=belt)
    floor = frustum((length * 0.9, width - 0.4, sill - 0.1), UNDERSIDE, reflectivity=0.1).moved(z=0.1)
    return Body.of([floor, *wheels(length * 0.3, width, 0.33), shell.moved(z=sill), cabin])


def wheels(reach: float, width: float, radius: float, *axles: float) -> list[Solid]:
    """Flat on the flanks: a wheel inside the shell would cut its faces, and the painter has no depth per pixel."""
    found = []
    for x in axles or (-reach, reach):
        for y in (-1, 1):
            rim = wheel(radius, 0.04, TYRE)
            hub = wheel(radius * 0.6, 0.0, METAL).moved(z=radius * 0.4)
            for face in (0, 1):
                rim = _with_hub(rim, hub, face)
            found.append(rim.moved(x=x, y=y * (width / 2 - 0.02)))
    return found


def _with_hub(rim: Solid, hub: Solid, face: int) -> Solid:
    corners = hub.vertices[: len(hub.vertices) // 2].copy()
    corners[:, 1] = rim.vertices[list(rim.faces[face]), 1].mean()
    return replace(rim, decals=(*rim.decals, Decal(face, corners, hub.colour)))


def truck(dice: Dice) -> Body:
    length, width, height = 7.4 + 1.2 * dice.random(), 2.4, 3.1 + 0.3 * dice.random()
    paint = pick(dice, ((228, 228, 226), (200, 92, 52), (52, 92, 132), (96, 120, 84)))
    cargo = pick(dice, ((238, 236, 230), (214, 196, 160), (180, 188, 196)))
    cab_length, bed = 1.9, 0.9
    box = frustum((length - cab_length - 0.15, width, height - bed), cargo, reflectivity=0.6)
    for side in (LEFT, RIGHT):
        box = box.painted(side, paint, (0.0, 0.12, 1.0, 0.22)).painted(side, paint, (0.34, 0.42, 0.66, 0.72))
    box = box.painted(BACK, METAL, (0.49, 0.03, 0.51, 0.97)).painted(BACK, TAIL, (0.03, 0.0, 0.13, 0.06))
    box = box.painted(BACK, TAIL, (0.87, 0.0, 0.97, 0.06)).moved(x=-(cab_length + 0.15) / 2, z=bed)
    cab = frustum((cab_length, width - 0.1, 2.1), paint, top=(0.86, 0.94), shift=-0.1, reflectivity=0.55)
    cab = cab.painted(FRONT, GLASS, (0.06, 0.5, 0.94, 0.9))
    cab = cab.painted(FRONT, LAMP, (0.06, 0.06, 0.2, 0.2), (0.8, 0.06, 0.94, 0.2), glows=True)
    cab = cab.painted(LEFT, GLASS, (0.14, 0.5, 0.7, 0.88)).painted(RIGHT, GLASS, (0.3, 0.5, 0.86, 0.88))
    cab = cab.moved(x=length / 2 - cab_length / 2, z=0.45)
    chassis = frustum((length - 0.4, width - 0.9, 0.4), UNDERSIDE, reflectivity=0.1).moved(z=0.45)
    axles = (-length * 0.36, -length * 0.22, length / 2 - 1.0)
    return Body.of([chassis, *wheels(0, width, 0.46, *axles), box, cab])


def pedestrian(dice: Dice, *, child: bool = False) -> list[Body]:
    """The phases of one stride, each a body; somebody who stands has the first."""
    height = (1.2 if child else 1.62) + 0.22 * dice.random()
    skin, hair = pick(dice, SKINS), pick(dice, HAIRS)
    shirt, trousers = pick(dice, SHIRTS), pick(dice, TROUSERS)
    bag = dice.random() < 0.4
    phases = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return [_walker(height, skin, hair, shirt, trousers, bag, 0.42 * np.sin(phase)) for phase in phases]


def _walker(
    height: float, skin: Colour, hair: Colour, shirt: Colour, trousers: Colour, bag: bool, swing: float
) -> Body:
    hip, shoulder, head = 0.5 * height, 0.82 * height, 0.07 * height
    parts = []
    for side, angle in ((-1, swing), (1, -swing)):
        leg = frustum((0.15, 0.14, hip), trousers, top=(1.15, 1.1), reflectivity=0.3).moved(z=-hip)
        lifted = hip * (1 - np.cos(angle)) - 0.08 * np.sin(abs(angle))
        parts.append(leg.leaned(angle).moved(y=side * 0.09, z=hip - max(0.0, lifted) + 0.02))
    torso = prism(0.19, shoulder - hip + 0.02, shirt, top=1.08, reflectivity=0.45)
    parts.append(_flattened(torso, 0.72).moved(z=hip - 0.01))
    for side, angle in ((-1, -swing), (1, swing)):
        arm = frustum((0.09, 0.09, 0.36 * height), shirt, top=(1.2, 1.2), reflectivity=0.4).moved(z=-0.36 * height)
        parts.append(arm.leaned(angle * 0.8).moved(y=side * 0.26, z=shoulder - 0.02))
    if bag:
        parts.append(frustum((0.16, 0.28, 0.4), (70, 74, 84), top=(0.7, 0.9)).moved(x=-0.24, z=hip + 0.12))
    parts.append(prism(0.055, 0.06 * height, skin).moved(z=shoulder))
    parts.append(ball(head, skin, stretch=1.2, reflectivity=0.45).moved(z=height - head * 1.25))
    parts.append(prism(head * 1.02, head * 0.8, hair, top=0.7, reflectivity=0.2).moved(z=height - head * 0.8))
    return Body.of(parts)


def _flattened(solid: Solid, factor: float) -> Solid:
    return replace(solid, vertices=solid.vertices * np.array([factor, 1, 1]))


def cyclist(dice: Dice) -> list[Body]:
    """The phases of the pedals, each a body of bicycle and rider."""
    skin, shirt, trousers = pick(dice, SKINS), pick(dice, SHIRTS), pick(dice, TROUSERS)
    frame: Colour = pick(dice, CAR_COLOURS)
    bodies = []
    for phase in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        parts = [wheel(0.34, 0.04, TYRE).moved(x=x) for x in (-0.52, 0.52)]
        parts.append(frustum((0.56, 0.05, 0.06), frame, reflectivity=0.5).moved(x=0.02, z=0.86))
        parts.append(frustum((0.05, 0.05, 0.62), frame, reflectivity=0.5).leaned(-0.3).moved(x=0.46, z=0.46))
        parts.append(frustum((0.05, 0.05, 0.6), frame, reflectivity=0.5).leaned(-0.2).moved(x=-0.1, z=0.38))
        parts.append(frustum((0.06, 0.56, 0.05), TYRE).moved(x=0.34, z=1.04))
        for side, angle in ((-1, phase), (1, phase + np.pi)):
            knee = 0.3 + 0.34 * np.sin(angle)
            thigh = frustum((0.16, 0.15, 0.46), trousers, reflectivity=0.3).moved(z=-0.46)
            parts.append(thigh.leaned(-0.55 - knee).moved(x=-0.2, y=side * 0.1, z=0.98))
            foot = 0.14 + 0.14 * (1 + np.sin(angle))
            parts.append(frustum((0.12, 0.12, 0.5), trousers, reflectivity=0.3).moved(x=0.1, y=side * 0.1, z=foot))
        torso = _flattened(prism(0.19, 0.58, shirt, top=1.05, reflectivity=0.5), 0.8)
        parts.append(torso.leaned(0.5).moved(x=-0.22, z=0.94))
        for side in (-1, 1):
            arm = frustum((0.09, 0.09, 0.56), shirt, reflectivity=0.4).moved(z=-0.56)
            parts.append(arm.leaned(-0.62).moved(x=0.06, y=side * 0.24, z=1.46))
        parts.append(ball(0.12, skin, stretch=1.15).moved(x=0.16, z=1.6))
        parts.append(prism(0.14, 0.12, frame, top=0.6).moved(x=0.14, z=1.63))
        bodies.append(Body.of(parts))
    return bodies


def building(dice: Dice, width: float, depth: float, storeys: int) -> Body:
    """Its front looks to -y, towards the street on its right; width is along x."""
    wall = pick(dice, WALLS)
    storey, ground = 3.1, 3.9
    height = ground + storey * storeys
    house = frustum((width, depth, height), wall, reflectivity=0.35)
    glass: Colour = pick(dice, ((74, 92, 108), (88, 104, 116), (64, 78, 92)))
    frame: Colour = (232, 226, 214)
    for face, span in ((RIGHT, width), (FRONT, depth), (BACK, depth), (LEFT, width)):
        columns = max(2, int(span / 2.9))
        windows = [
            ((i + 0.28) / columns, (ground + storey * (k + 0.26)) / height, 0.44 / columns, storey * 0.56 / height)
            for i in range(columns)
            for k in range(storeys)
        ]
        side, low, high = 0.14 / span, 0.12 / height, 0.1 / height
        trim = [(u - side, v - low, u + w + side, v + h + high) for u, v, w, h in windows]
        house = house.painted(face, frame, *trim)
        house = house.painted(face, glass, *[(u, v, u + w, v + h) for u, v, w, h in windows])
        house = house.painted(face, shaded(wall, 0.8), (0, (ground - 0.3) / height, 1, ground / height))
    shops = max(2, int(width / 4.5))
    awning: Colour = pick(dice, ((166, 62, 54), (58, 104, 92), (60, 84, 124), (190, 140, 62)))
    house = house.painted(
        RIGHT, (58, 66, 74), *[((i + 0.1) / shops, 0.1 / height, (i + 0.9) / shops, 2.7 / height) for i in range(shops)]
    )
    house = house.painted(
        RIGHT, awning, *[((i + 0.06) / shops, 2.6 / height, (i + 0.94) / shops, 3.3 / height) for i in range(shops)]
    )
    roof = frustum((width + 0.3, depth + 0.3, 0.4), shaded(wall, 0.62)).moved(z=height)
    parts = [house, roof]
    if dice.random() < 0.5:
        tiles: Colour = pick(dice, ((132, 74, 60), (92, 88, 92), (112, 84, 66)))
        parts.append(frustum((width, depth, 2.6), tiles, top=(0.94, 0.2)).moved(z=height + 0.4))
    return Body.of(parts)


def tree(dice: Dice) -> Body:
    leaves = pick(dice, LEAVES)
    trunk = 2.3 + 0.7 * dice.random()
    radius = 1.3 + 0.5 * dice.random()
    crown = ball(radius, leaves, stretch=1.25, rings=4, reflectivity=0.3).turned(dice.random()).moved(z=trunk + radius)
    light = shaded(leaves, 1.12)
    cap = ball(radius * 0.66, light, rings=3, reflectivity=0.3).moved(x=0.2 * radius, z=trunk + radius * 2.1)
    stem = prism(0.16, trunk + 0.2, (96, 76, 60), top=0.7, reflectivity=0.25)
    return Body.of([stem, crown, cap])


def lamp_post(_: Dice) -> Body:
    pole = prism(0.08, 5.6, METAL, sides=6, top=0.7, reflectivity=0.5)
    arm = frustum((0.1, 1.5, 0.08), METAL, reflectivity=0.5).moved(y=-0.7, z=5.6)
    head = frustum((0.22, 0.6, 0.1), (222, 222, 214), reflectivity=0.5).moved(y=-1.4, z=5.5)
    return Body.of([pole, arm, head])


def traffic_light(_: Dice) -> Body:
    pole = prism(0.06, 2.6, (64, 68, 72), sides=6, reflectivity=0.4)
    head = frustum((0.26, 0.3, 0.86), (38, 40, 44), reflectivity=0.3)
    head = head.painted(BACK, (60, 200, 110), (0.28, 0.06, 0.72, 0.3), glows=True)
    for colour, low in (((86, 72, 40), 0.38), ((88, 38, 36), 0.7)):
        head = head.painted(BACK, colour, (0.28, low, 0.72, low + 0.24))
    return Body.of([pole, head.moved(z=2.6)])


def bench(_: Dice) -> Body:
    seat = frustum((1.6, 0.42, 0.08), (140, 98, 62)).moved(z=0.42)
    back = frustum((1.6, 0.06, 0.4), (140, 98, 62)).moved(y=0.2, z=0.56)
    feet = [frustum((0.08, 0.4, 0.42), METAL).moved(x=x) for x in (-0.6, 0.6)]
    return Body.of([*feet, seat, back])


def bin_(_: Dice) -> Body:
    can = prism(0.26, 0.9, (72, 92, 80), top=1.1, reflectivity=0.35)
    return Body.of([can, prism(0.3, 0.08, (52, 62, 58)).moved(z=0.9)])


def dimensions_of(bodies: list[Body]) -> tuple[Array, Array]:
    """What holds every phase of a body, and where its middle is above the origin."""
    low = np.min([body.bounds()[0] for body in bodies], axis=0)
    high = np.max([body.bounds()[1] for body in bodies], axis=0)
    return high - low, (high + low) / 2
