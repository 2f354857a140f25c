import numpy as np
from PIL import Image

from sceneshift.report.pictures import TINT, changed


def test_what_changed_is_tinted_and_the_rest_is_pale():
    before = np.full((2, 3, 3), 100, np.uint8)
    after = before.copy()
    after[0, 0, 1] = 255  # by more than half of the range
    after[0, 1, 2] = 36  # by a quarter
    shown = changed(Image.fromarray(before), Image.fromarray(after)).astype(int)
    assert shown[0, 0].tolist() == list(TINT)
    np.testing.assert_array_equal(shown[1], 190)
    np.testing.assert_allclose(shown[0, 1], (190 + np.array(TINT)) / 2, atol=1)
