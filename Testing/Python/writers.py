"""Files as hospitals' programs write them: by Pillow and ITK, as DICOM, and tag by tag."""

import struct

import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

US = "1.2.840.10008.5.1.4.1.1.6.1"


def itk(path, array, compress=False, vector=False, **geometry):
    """A file of ITK's; `vector`: the last axis holds colours; `geometry`: the image's spacing, origin and direction."""
    image = sitk.GetImageFromArray(array, isVector=vector)
    for name, value in geometry.items():
        getattr(image, f"Set{name.capitalize()}")(value)
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path


def write(path, array, vector=False, **geometry):
    """A picture in a file of ITK's, and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return itk(path, array, vector=vector, **geometry)


def dicom(path, array, **elements):
    """A DICOM file of ultrasound; `elements` are put in last, whatever they are."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = elements.pop("SOPClassUID", US)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality, dataset.PhotometricInterpretation = "US", "MONOCHROME2" if array.ndim == 2 else "RGB"
    dataset.Rows, dataset.Columns = array.shape[:2]
    dataset.SamplesPerPixel = 1 if array.ndim == 2 else 3
    if array.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = 8 * array.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(array.dtype.kind == "i")
    dataset.PixelData = array.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def pillow(path, array, mode=None, **options):
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


WRITERS = {
    "png": pillow, "jpg": pillow, "tif": pillow, "bmp": pillow, "gif": pillow, "webp": pillow, "nrrd": itk, "mha": itk,
    "nii": itk, "nii.gz": itk, "dcm": dicom,
}  # fmt: skip


def negative_tiff(path, stored, bits, kind=1):
    """An uncompressed TIFF where white is zero, tag by tag, as Pillow writes none."""
    order = "<"
    tags = {256: stored.shape[1], 257: stored.shape[0], 258: bits, 259: 1, 262: 0, 273: 8, 277: 1,
            278: stored.shape[0], 279: stored.nbytes, 339: kind}  # fmt: skip
    data = stored.tobytes()
    data += b"\0" * (len(data) % 2)
    directory = struct.pack(order + "H", len(tags))
    for tag, value in sorted(tags.items()):
        directory += struct.pack(order + "HHII", tag, 4, 1, value)
    path.write_bytes(b"II*\0" + struct.pack(order + "I", 8 + len(data)) + data + directory + b"\0" * 4)
    return path
