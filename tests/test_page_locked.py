import pytest
import torch

from featurekit import page_locked


def test_what_torch_says_of_page_locked_memory_becomes_an_error_of_its_own():
    said = ("CUDA error: out of memory", "cudaHostAlloc(&ptr, size, flags) failed: invalid argument")
    for text in said:
        with (
            pytest.raises(page_locked.PageLockedMemoryError, match="page-locked memory of the host has run out"),
            page_locked.told(),
        ):
            raise RuntimeError(text)


def test_other_errors_and_a_full_gpu_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shapes"), page_locked.told():
        raise RuntimeError("shapes do not fit")
    with pytest.raises(torch.OutOfMemoryError) as found, page_locked.told():
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert not isinstance(found.value, page_locked.PageLockedMemoryError)
