"""What pyproject.toml cannot say: the run files of ``pipelines/`` are installed inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["featurekit*"]), "featurekit.pipelines"],
    package_dir={"featurekit.pipelines": "pipelines"},
)
