"""The words of the demo world: instructions for labelers, and drivers' notes with their categories."""

DRIVE_INSTRUCTION = """\
Put a cuboid around every **car**, **truck**, **pedestrian** and **cyclist** within 45 metres that has at least eight
points.

- The cuboid is tight around the object, stands on the ground and looks where the object looks.
- One object is one track; keep its size through all frames.
- A cyclist is one cuboid: bicycle and rider together.
- Where an object is hidden for a moment, leave those frames out.
"""
IMAGE_INSTRUCTION = """\
Draw a box around every car, truck, pedestrian and cyclist that is at least 16 pixels high. The box holds all of the
object, also what something else hides; at the edge of the picture it ends there.
"""
NOTE_INSTRUCTION = "What is the driver's note mostly about?"
CATEGORIES = ["Weather", "Traffic", "Roadworks", "Vehicle"]
# One of the notes can be read in two ways: whoever answers it first takes the other one, and a person decides.
OTHER_READING = {"Left lane closed, cones and two workers next to an open trench.": "Traffic"}

NOTES = (
    ("Heavy rain from the second crossing on, wipers at full speed, lane paint hard to see.", "Weather"),
    ("Queue at the lights, three turns of green before we got across.", "Traffic"),
    ("Left lane closed, cones and two workers next to an open trench.", "Roadworks"),
    ("The front camera lost focus for about a minute, fine again after a restart.", "Vehicle"),
    ("Fog over the river, could not see the far bank; clear again in town.", "Weather"),
    ("A delivery van double-parked by the bakery, everybody had to go around it.", "Traffic"),
    ("Low sun straight ahead, strong glare on the wet asphalt.", "Weather"),
    ("Tyre pressure warning on the rear right, stopped to check, drove on slowly.", "Vehicle"),
    ("New asphalt, no markings yet, a temporary traffic light at the bridge.", "Roadworks"),
    ("School just ended: many children on bicycles, and cars stopping everywhere.", "Traffic"),
    ("The lidar's cover was dusty, cleaned it at the depot after the drive.", "Vehicle"),
    ("Steel plates over a hole in the bus lane, marked with one lamp only.", "Roadworks"),
    ("Snow began at noon, the kerbs were white within minutes.", "Weather"),
    ("A tram stood in the junction, we waited four minutes behind six cars.", "Traffic"),
    ("The battery went below a fifth, so the last loop was cut short.", "Vehicle"),
)
