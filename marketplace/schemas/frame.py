"""The frame JSON for the API's document: one file per frame, which `formats/frame_json.py` reads column by column."""

from marshmallow import Schema, fields, validate

from marketplace.formats.frame_json import IMAGES_MAX, IMU_MAX, MODELS, RADAR_MAX, SENSORS


def _number(description: str, *, required: bool = False) -> fields.Float:
    return fields.Float(required=required, metadata={"description": description})


class Xyz(Schema):
    x = _number("", required=True)
    y = _number("", required=True)
    z = _number("", required=True)


class Rotation(Schema):
    w = _number("A unit quaternion: own directions to the world's.", required=True)
    x = _number("", required=True)
    y = _number("", required=True)
    z = _number("", required=True)


class GpsPose(Schema):
    lat = _number("Degrees, -90 to 90.", required=True)
    long = _number("Degrees, -180 to 180.", required=True)
    bearing = _number("Degrees clockwise from north.")


class ImuReading(Schema):
    """One reading of the inertial sensor."""

    timestamp = _number("In the frames' clock; later than the reading before, also across frames.", required=True)
    angular_velocity = fields.Nested(
        Xyz, required=True, metadata={"description": "rad/s about the device's own axes, to which its heading belongs."}
    )
    specific_force = fields.Nested(
        Xyz, required=True, metadata={"description": "m/s^2 along the same axes, gravity included: 9.81 up at rest."}
    )


class LidarPoint(Schema):
    x = _number("World coordinates, z up.", required=True)
    y = _number("", required=True)
    z = _number("", required=True)
    i = _number("Intensity 0 to 1; a frame with values above 1 is read as 0 to 255.")
    d = fields.Integer(validate=validate.Range(0, SENSORS - 1), metadata={"description": "Number of the lidar."})


class RadarPoint(Schema):
    position = fields.Nested(Xyz, required=True, metadata={"description": "In the world."})
    direction = fields.Nested(Xyz, metadata={"description": "Velocity per second, in the world."})
    size = _number("Of the return, 1 where missing.")


class CameraImage(Schema):
    image_url = fields.String(required=True, metadata={"description": "An address, or a file of yours."})
    position = fields.Nested(Xyz, required=True, metadata={"description": "Of the camera in the world."})
    heading = fields.Nested(
        Rotation, required=True, metadata={"description": "The camera's x is right, y down, z forward."}
    )
    fx = _number("Focal length in pixels of the full picture.", required=True)
    fy = _number("", required=True)
    cx = _number("Principal point in pixels.", required=True)
    cy = _number("", required=True)
    skew = _number("")
    camera_model = fields.String(validate=validate.OneOf(MODELS), metadata={"description": ""})
    scale_factor = _number("The picture was made smaller by this factor.")
    camera_index = fields.Integer(
        metadata={"description": "Which camera: the same in all frames. Needed where frames differ in their images."}
    )
    timestamp = _number("When the picture was taken.")
    metadata = fields.Dict(metadata={"description": "metadata.camera is the camera's name, in place of its index."})


class LidarFrame(Schema):
    device_position = fields.Nested(Xyz, required=True, metadata={"description": "The vehicle's or its lidar's place."})
    device_heading = fields.Nested(Rotation, metadata={"description": "In all frames or in none."})
    device_gps_pose = fields.Nested(GpsPose, metadata={"description": "May be missing in some frames."})
    device_imu = fields.List(
        fields.Nested(ImuReading),
        validate=validate.Length(0, IMU_MAX),
        metadata={"description": f"Inertial readings since the frame before, at most {IMU_MAX:,}."},
    )
    timestamp = _number("In all frames, each later than the one before, or in none.")
    points = fields.List(fields.Nested(LidarPoint), required=True, metadata={"description": "At least one."})
    radar_points = fields.List(
        fields.Nested(RadarPoint), metadata={"description": f"At most {RADAR_MAX:,}; may be missing in some frames."}
    )
    images = fields.List(
        fields.Nested(CameraImage),
        metadata={"description": f"One per camera, at most {IMAGES_MAX}; a camera may be missing in some frames."},
    )


DESCRIPTION = "The file that an attachment of a lidarannotation task leads to: one moment of a drive."
